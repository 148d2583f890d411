/** Terraform's own default for a provider whose source names no host, as its lock files spell it. */
export const TERRAFORM_DEFAULT_HOST = 'registry.terraform.io';

/** A provider's name here: `namespace/type` of the default host, `host/namespace/type` of any other. */
export function toTerraformName(host: string, provider: string): string {
  const folded = host.toLowerCase();
  return folded === TERRAFORM_DEFAULT_HOST ? provider : `${folded}/${provider}`;
}
