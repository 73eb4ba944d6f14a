// Of the types of `sax` what is used here; it brings none.
declare module 'sax' {
  export interface QualifiedName {
    name: string;
    prefix: string;
    local: string;
    uri: string;
  }

  export interface QualifiedTag extends QualifiedName {
    attributes: Record<string, QualifiedName & { value: string }>;
  }

  export interface SAXParser {
    onerror: (error: Error) => void;
    ontext: (text: string) => void;
    oncdata: (text: string) => void;
    ondoctype: (doctype: string) => void;
    onprocessinginstruction: (instruction: { name: string; body: string }) => void;
    onopentag: (tag: QualifiedTag) => void;
    onclosetag: (name: string) => void;
    write(text: string): SAXParser;
    close(): SAXParser;
  }

  export function parser(strict: true, options: { xmlns: true; strictEntities: true }): SAXParser;
}
