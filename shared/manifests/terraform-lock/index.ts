import type { ManifestContent } from '../../model/manifest.ts';
import { toTerraformName } from '../../model/terraform-name.ts';
import { baseName, type ManifestFormat } from '../format.ts';
import { isVersion, Reading, unreadable } from '../reading.ts';
import { decodeText, whyUnreadable } from '../text.ts';
import { type Block, parseBlocks } from './blocks.ts';
import { HclError } from './tokens.ts';

/** A provider takes 2 KB: real files stay below 100. */
const TERRAFORM_LOCK_MAX_BYTES = 4 * 1024 * 1024;
/** Host, namespace and type. A host may have a port; other scripts than Latin stand in it as Terraform shows them to people. */
const ADDRESS = /^([\p{L}\p{N}][\p{L}\p{N}.-]*(?::\d+)?)\/([A-Za-z0-9-][A-Za-z0-9_-]*\/[A-Za-z0-9][A-Za-z0-9_-]*)$/u;
/** What Terraform put for the namespace where a configuration before 0.13 named none. */
const LEGACY_NAMESPACE = '-/';
const KNOWN_ATTRIBUTES = new Set(['version', 'constraints', 'hashes']);

/** `.terraform.lock.hcl` of Terraform and OpenTofu: the providers of a configuration and of its modules. */
export const terraformLock: ManifestFormat = {
  name: 'terraform-lock',
  files: ['.terraform.lock.hcl'],
  ecosystems: ['TERRAFORM_PROVIDER'],
  lists: 'exact',
  maxBytes: TERRAFORM_LOCK_MAX_BYTES,
  matches: (path) => baseName(path) === '.terraform.lock.hcl',
  read(_path, bytes): ManifestContent {
    const decoded = decodeText(bytes);
    const reason = whyUnreadable(decoded.text);
    if (reason !== undefined) return unreadable(reason);
    const reading = new Reading('TERRAFORM_PROVIDER', decoded);
    try {
      const added = new Set<string>();
      for (const block of parseBlocks(decoded.text)) addBlock(block, reading, added);
    } catch (error) {
      if (error instanceof HclError) return unreadable(`not a Terraform lock file: ${error.message}`);
      throw error;
    }
    return reading.content();
  },
};

/** `added` has the provider versions of the blocks before, `NAME@VERSION`. */
function addBlock({ type, labels, attributes, line }: Block, reading: Reading, added: Set<string>): void {
  const [address = '', ...more] = labels;
  const version = attributes.get('version');
  const written = typeof version === 'string' ? version : '';
  if (type !== 'provider' || labels.length !== 1) {
    const reason = type === 'provider' ? 'a provider has one label, its address' : `a block of the kind ${type}, which is not known`;
    reading.addUnresolved([type, address, ...more].join(' ').trim(), written, reason);
    return;
  }
  for (const name of attributes.keys()) {
    if (!KNOWN_ATTRIBUTES.has(name)) reading.addWarning(`its "${name}" is not known, and was not read`);
  }
  const [, host = '', provider = ''] = ADDRESS.exec(address) ?? [];
  if (host === '') {
    reading.addUnresolved(address, written, 'not the address of a provider (host/namespace/type)');
    return;
  }
  const name = toTerraformName(host, provider);
  if (provider.startsWith(LEGACY_NAMESPACE)) {
    reading.addUnresolved(name, written, 'an address of before Terraform 0.13, which names no namespace');
  } else if (!isVersion(version)) {
    const constraints = attributes.get('constraints');
    const asked = typeof constraints === 'string' ? constraints : '';
    reading.addUnresolved(name, written || asked, version === undefined ? 'has no version' : 'not a version');
  } else {
    reading.addPackage(name, version, { registryHost: host, line });
    if (added.has(`${name}@${version}`)) reading.addWarning(`${name}@${version} stands in it twice`);
    added.add(`${name}@${version}`);
  }
}
