import { create } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Ecosystem } from '#safedep-api/safedep/messages/package/v1/ecosystem_pb.js';
import { PackageVersionSchema } from '#safedep-api/safedep/messages/package/v1/package_version_pb.js';
import type { PackageVersion } from '../../../shared/model/package-version.ts';
import { whyOtherPackage } from '../../../shared/safedep/same-package.ts';

const answer = (ecosystem: Ecosystem, name: string, version: string) =>
  create(PackageVersionSchema, { package: { ecosystem, name }, version });

const asked = (name: string, version: string): PackageVersion => ({ ecosystem: 'PYPI', name, version });

describe('whyOtherPackage', () => {
  it.each([
    ['Django', '4.2', 'django', '4.2'],
    ['ruamel.yaml', '0.17', 'ruamel-yaml', '0.17'],
    ['zope__interface', '1.0', 'zope-interface', '1.0'],
    ['a', 'v1.2.3', 'a', '1.2.3'],
    ['a', '1.0.0-beta.2', 'a', '1.0.0b2'],
    ['a', '1.0.0-BETA', 'a', '1.0b0'],
    ['a', '1.0.post1', 'a', '1.0-post1'],
    ['a', '1.0+local.1', 'a', '1.0'],
    ['a', '1.2.3', 'a', '0'],
    ['a', '1.2.3', '', ''],
  ])('takes %s@%s and %s@%s for one', (name, version, answeredName, answeredVersion) => {
    expect(whyOtherPackage(asked(name, version), answer(Ecosystem.PYPI, answeredName, answeredVersion))).toBeUndefined();
  });

  it.each([
    ['a', '1.2.3', 'b', '1.2.3'],
    ['a', '1.2.3', 'a', '1.2.4'],
    ['a', '1.2.3', 'a', '1.2.30'],
    ['a', '1.0', 'a', '10'],
    ['a', '1.0b1', 'a', '1.0b2'],
    ['a', '1.0', 'a', '1.0rc1'],
  ])('tells %s@%s from %s@%s', (name, version, answeredName, answeredVersion) => {
    expect(whyOtherPackage(asked(name, version), answer(Ecosystem.PYPI, answeredName, answeredVersion))).toBe(
      `got PYPI/${answeredName}@${answeredVersion}`,
    );
  });

  it('tells ecosystems apart, and takes an absent one, or an absent package, for the question', () => {
    expect(whyOtherPackage(asked('a', '1'), answer(Ecosystem.NPM, 'a', '1'))).toBe('got NPM/a@1');
    expect(whyOtherPackage(asked('a', '1'), answer(99 as Ecosystem, 'a', '1'))).toBe('got 99/a@1');
    expect(whyOtherPackage(asked('a', '1'), answer(Ecosystem.UNSPECIFIED, 'a', '1'))).toBeUndefined();
    expect(whyOtherPackage(asked('a', '1'), undefined)).toBeUndefined();
  });

  it('takes every package version for itself', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (name, version) => {
        expect(whyOtherPackage(asked(name, version), answer(Ecosystem.PYPI, name, version))).toBeUndefined();
      }),
    );
  });
});
