/** Vendor and project; PEAR's old packages have a host as vendor. Without the `u` flag, `i` takes ASCII letters only. */
export const COMPOSER_NAME = /^[a-z0-9][a-z0-9._-]*\/[a-z0-9_][a-z0-9._-]*$/i;
