import { whyUnreadable } from '../text.ts';
import type { Parsed } from './parsed.ts';
import type { XmlElement } from './xml-element.ts';
import { XmlReader, XmlRefused } from './xml-reader.ts';

/** Elements and attributes. A verification-metadata.xml of 10 MB has some 300,000; a hostile document of a million takes 130 MB (measured). */
const XML_MAX_PARTS = 1_000_000;
/** No document here nests deeper than 20, and walks over what is read may be recursive. */
const XML_MAX_DEPTH = 100;

/** The root element of a document. What is not well-formed, declares a document type or names an unknown entity is refused. */
export function parseXml(text: string): Parsed<XmlElement> {
  const unreadable = whyUnreadable(text);
  if (unreadable !== undefined) return { reason: unreadable };
  try {
    return { value: new XmlReader(text, { maxDepth: XML_MAX_DEPTH, maxParts: XML_MAX_PARTS }).read() };
  } catch (error) {
    if (error instanceof XmlRefused) return { reason: error.message };
    throw error;
  }
}
