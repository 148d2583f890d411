import { type DecodedText, decodeText } from '../text.ts';

/** Encodings of one byte a sign that old documents declare; all of them are read as the web does. */
const ENCODINGS_OF_ONE_BYTE = /^(?:iso-8859-\d{1,2}|windows-125\d|us-ascii|latin1)$/i;
/** The declaration stands first, in ASCII. */
const DECLARATION = /^<\?xml\s[^>]{0,200}?\bencoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']/;

/** As `decodeText`; what is no UTF-8 is read in the encoding that the document's own declaration names, if it is one of one byte. */
export function decodeXml(bytes: Uint8Array): DecodedText {
  const decoded = decodeText(bytes);
  if (!decoded.damaged) return decoded;
  const encoding = DECLARATION.exec(decoded.text.slice(0, 300))?.[1];
  if (encoding === undefined || !ENCODINGS_OF_ONE_BYTE.test(encoding)) return decoded;
  try {
    return { text: new TextDecoder(encoding).decode(bytes), damaged: false };
  } catch {
    return decoded; // one that this Node does not know: the damage is said
  }
}
