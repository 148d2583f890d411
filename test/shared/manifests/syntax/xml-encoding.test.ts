import { describe, expect, it } from 'vitest';
import { decodeXml } from '../../../../shared/manifests/syntax/xml-encoding.ts';
import { bytesOf } from '../reading.ts';

const inLatin1 = (declaration: string): Uint8Array => Buffer.from(`${declaration}<a>ä</a>`, 'latin1');

describe('decodeXml', () => {
  it('reads UTF-8 as such, whatever the document declares', () => {
    const text = '<?xml version="1.0" encoding="ISO-8859-1"?><a>ä</a>';
    expect(decodeXml(bytesOf(text))).toEqual({ text, damaged: false });
  });

  it.each(["<?xml version='1.0' encoding='iso-8859-1'?>", '<?xml version="1.0" encoding = "windows-1252" ?>'])(
    'reads what %s declares',
    (declaration) => {
      expect(decodeXml(inLatin1(declaration))).toEqual({ text: `${declaration}<a>ä</a>`, damaged: false });
    },
  );

  it.each([
    '',
    '<?xml version="1.0"?>',
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<?xml version="1.0" encoding="iso-8859-99"?>',
    '<?xml version="1.0" encoding="gb18030"?>',
  ])('says that bytes are damaged after %s', (declaration) => {
    expect(decodeXml(inLatin1(declaration))).toMatchObject({ damaged: true });
  });
});
