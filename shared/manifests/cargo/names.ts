export const CRATE_NAME = /^[A-Za-z0-9_][A-Za-z0-9_-]*$/;
