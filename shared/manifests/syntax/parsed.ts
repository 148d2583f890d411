/** What a parser of a syntax gives: the value, or why there is none, in words that end a sentence. */
export type Parsed<T> = { readonly value: T } | { readonly reason: string };
