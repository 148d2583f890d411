/** Old gems begin with an underscore; no gem begins with a dot or a dash. */
export const GEM_NAME = /^[A-Za-z0-9_][A-Za-z0-9._-]*$/;
