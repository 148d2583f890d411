import { describe, expect, it } from 'vitest';
import { addPurl } from '../../../shared/manifests/purl-entries.ts';
import { Reading } from '../../../shared/manifests/reading.ts';
import { gapsOf, type ReadContent } from './reading.ts';

function added(purl: string, name = 'named', version = '9'): ReadContent {
  const reading = new Reading('OTHER', { text: '', damaged: false });
  addPurl({ name, version, purl }, reading);
  const content = reading.content();
  if (content.status === 'error') throw new Error(content.reason);
  return content;
}

describe('addPurl', () => {
  it.each([
    ['pkg:npm/%40acme/left@1.0.0?arch=x', '', 'NPM', '@acme/left', '1.0.0'],
    ['pkg:golang/git.example/acme/left@1.0.0', 'git.example/Acme/Left', 'GO', 'git.example/Acme/Left', 'v1.0.0'],
    ['pkg:golang/git.example/acme/left@1.0.0', 'left', 'GO', 'git.example/acme/left', 'v1.0.0'],
    ['pkg:githubactions/acme/checkout@v1', 'Acme/Checkout', 'GITHUB_ACTIONS', 'Acme/Checkout', 'v1'],
    ['pkg:pypi/acme-left@1.0', 'Acme-Left', 'PYPI', 'acme-left', '1.0'],
    ['pkg:githubactions/acme/tools@release/1.x', '', 'GITHUB_ACTIONS', 'acme/tools', 'release/1.x'],
  ])('reads %s of an entry named "%s"', (purl, entryName, ecosystem, name, version) => {
    expect(added(purl, entryName)).toMatchObject({ packages: [{ ecosystem, name, version }], gaps: [] });
  });

  it.each([
    ['pkg:npm/left', 'unresolved named pkg:npm/left'],
    ['left@1', 'unresolved named left@1'],
    ['pkg:npm/le%ft@1', 'unresolved named pkg:npm/le%ft@1'],
    ['pkg:deb/debian/curl@7', 'unsupported named pkg:deb/debian/curl@7'],
    ['pkg:generic/thing@1', 'unsupported named pkg:generic/thing@1'],
    ['pkg:npm/..%2F..%2Fetc@1', 'unresolved ../../etc 1'],
    ['pkg:npm/a%0Ab@1', 'unresolved a\\u000ab 1'],
    ['pkg:npm/a@1%1B', 'unresolved a 1\\u001b'],
  ])('makes a gap of %j', (purl, gap) => {
    const content = added(purl);
    expect(gapsOf(content)).toEqual([gap]);
    expect(content.packages).toEqual([]);
  });
});
