/** The name of a Dart package is an identifier. */
export const PUB_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
