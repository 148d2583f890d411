import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findMismatch } from '../../../../shared/manifests/python/distribution-file.ts';

const FILES = 'https://files.example/packages/ab/cd/0123';

describe('the file of a distribution', () => {
  it.each([
    ['flask', '2.0.0', 'flask-2.0.0-py3-none-any.whl'],
    ['flask', '2.0.0', 'Flask-2.0.0.tar.gz'],
    ['zope-interface', '6.1', 'zope.interface-6.1-cp312-cp312-win_amd64.whl'],
    ['zope-interface', '6.1', 'zope_interface-6.1.zip'],
    ['python-dateutil', '2.9.0.post0', 'python-dateutil-2.9.0.post0.tar.gz'],
    ['python_dateutil', '2.9.0.post0', 'python_dateutil-2.9.0.post0-py2.py3-none-any.whl'],
    ['a-b-c', '1.0', 'a-b_c-1.0.tar.bz2'],
    ['torch', '2.1.0+cu118', 'torch-2.1.0%2Bcu118-cp311-cp311-linux_x86_64.whl'],
    ['torch', '2.1.0+cu118', 'torch-2.1.0-cp311-cp311-linux_x86_64.whl'],
    ['x', '1.0+local.1', 'x-1.0+local_1-py3-none-any.whl'],
    ['x', '1.0b2', 'x-1.0.0-beta.2.tar.gz'],
    ['x', '1.0rc0', 'x-1.0.c.tar.gz'],
    ['x', '1.0.post1', 'x-1.0-1.tar.gz'],
    ['x', '2004.4', 'x-2004.04.tgz'],
    ['x', '1!2.0', 'x-1!2.0.tar.gz'],
    ['x', 'v1.0', 'x-1.0-1build-py3-none-any.whl'],
  ])('agrees with %s %s: %s', (name, version, file) => {
    expect(findMismatch(name, version, `${FILES}/${file}`)).toBeUndefined();
    expect(findMismatch(name, version, `${FILES}/${file}#sha256=00/other-9.9.tar.gz`)).toBeUndefined();
  });

  it.each([
    ['flask', '2.0.0', 'flaskk-2.0.0-py3-none-any.whl', 'other-package'],
    ['flask', '2.0.0', 'evil-2.0.0.tar.gz', 'other-package'],
    ['flask', '2.0.0', 'flask-login-2.0.0.tar.gz', 'other-version'],
    ['flask-login', '2.0.0', 'flask-2.0.0.tar.gz', 'other-package'],
    ['flask', '2.0.0', 'flask-2.0.1-py3-none-any.whl', 'other-version'],
    ['flask', '2.0', 'flask-2.0.1.tar.gz', 'other-version'],
    ['flask', '2.0.0', 'flask-2.0.0a1.tar.gz', 'other-version'],
    ['flask', '2.0.0', 'flask.whl', 'other-package'],
    ['flask', '2.0.0', 'evil-1.0.tar.gz#/flask-2.0.0.tar.gz', 'other-package'],
    ['flask', '2.0.0', 'evil-1.0.tar.gz?/flask-2.0.0.tar.gz', 'other-package'],
  ])('contradicts %s %s: %s', (name, version, file, rule) => {
    expect(findMismatch(name, version, `${FILES}/${file}`)).toMatchObject({ rule });
  });

  it.each(['', 'https://files.example/', 'https://files.example/flask.git', 'https://files.example/other-1.0.exe', 'x%'])(
    'says nothing of an address that names no distribution: %j',
    (address) => {
      expect(findMismatch('flask', '2.0.0', address)).toBeUndefined();
    },
  );

  it('agrees with every file that is named after its package', () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9]{0,5}([-_.][a-z0-9]{1,5}){0,3}$/);
    const version = fc.stringMatching(/^\d{1,3}(\.\d{1,3}){0,3}((a|b|rc)\d{1,2})?(\.post\d)?(\.dev\d)?(\+[a-z]{1,4}(\.\d)?)?$/);
    fc.assert(
      fc.property(name, version, fc.constantFrom('-', '_', '.'), (written, found, separator) => {
        const stem = written.replace(/[-_.]/g, separator);
        expect(findMismatch(written, found, `${FILES}/${stem.replaceAll('-', '_')}-${found}-py3-none-any.whl`)).toBeUndefined();
        expect(findMismatch(written, found, `${FILES}/${stem}-${found}.tar.gz`)).toBeUndefined();
      }),
    );
  });

  it('ends soon on names and addresses without end', () => {
    const long = 'a-'.repeat(100_000);
    expect(findMismatch('a', '1.0', `${FILES}/${long}1.0.tar.gz`)).toMatchObject({ rule: 'other-version' });
    expect(findMismatch(`${long}a`, '1.0', `${FILES}/${long}b-1.0.tar.gz`)).toBeUndefined(); // such a package is not looked up
    expect(findMismatch('a', '1'.repeat(200_000), `${FILES}/a-${'1-'.repeat(100_000)}.tar.gz`)).toMatchObject({ rule: 'other-version' });
  });
});
