// The part of OpenAPI that our own description uses.

export interface Schema {
  $ref?: string;
  type?: string;
  description?: string;
  enum?: string[];
  format?: string;
  contentEncoding?: string;
  required?: string[];
  properties?: Record<string, Schema>;
  items?: Schema;
  additionalProperties?: Schema;
}

export interface Parameter {
  name: string;
  in: 'path' | 'query' | 'header';
  required?: boolean;
  description?: string;
  schema: Schema;
}

interface Content {
  content: { 'application/json': { schema: Schema } };
}

export interface Operation {
  operationId: string;
  tags: string[];
  summary: string;
  description: string;
  deprecated?: boolean;
  parameters?: Parameter[];
  requestBody?: Content;
  responses: Record<string, Partial<Content>>;
}

export interface Description {
  tags: { name: string; description: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema> };
}

const folder = '#/components/schemas/';

/** What a schema refers to, and what that is called. */
export function resolved({ components }: Description, schema: Schema): { name: string; schema: Schema } {
  if (schema.$ref === undefined) return { name: '', schema };
  const name = schema.$ref.slice(folder.length);
  return { name, schema: components.schemas[name] ?? {} };
}

/** A schema in a word or two. */
export function kindOf(description: Description, schema: Schema): string {
  const { name, schema: own } = resolved(description, schema);
  if (own.items) return `list of ${kindOf(description, own.items)}`;
  if (own.additionalProperties) return `map of ${kindOf(description, own.additionalProperties)}`;
  if (own.enum) return own.enum.join(' | ');
  return name || own.format || own.contentEncoding || own.type || 'any';
}

/** A request with what must be there, to be filled in. */
export function skeletonOf(description: Description, schema: Schema): unknown {
  const { schema: own } = resolved(description, schema);
  if (own.items) return [skeletonOf(description, own.items)];
  if (own.enum) return own.enum[0];
  switch (own.type) {
    case 'object':
      return Object.fromEntries(
        (own.required ?? []).map((name) => [name, skeletonOf(description, own.properties?.[name] ?? {})]),
      );
    case 'boolean':
      return true;
    case 'integer':
    case 'number':
      return 0;
  }
  return '';
}
