import { z } from 'zod'
import { apiOperations } from './api-operations.ts'
import type { Operation } from './api-operations.ts'

type JsonSchema = Record<string, unknown>

/** What is looked at of the schema of an input. */
interface Shape extends JsonSchema {
  properties?: JsonSchema
  required?: string[]
  anyOf?: Shape[]
  oneOf?: Shape[]
}

const errorBody = z.strictObject({
  error: z.strictObject({
    code: z.string(),
    message: z.string(),
    details: z.record(z.string(), z.unknown()),
    hint: z.exactOptional(z.string()),
    fromPeer: z.boolean(),
  }),
})

/** The description of all that the TCP listener serves, made from the tables of routes. OpenAPI 3.1. */
export function openApiDocument(): JsonSchema {
  const paths: Record<string, JsonSchema> = {}
  for (const operation of apiOperations()) {
    const path = operation.path.replaceAll(/:(\w+)/g, '{$1}')
    paths[path] = { ...paths[path], [operation.method]: describe(operation) }
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'kith',
      version: '1',
      description:
        'A kith node over HTTP. Tasks and probes are stable; `/v1` is what the command line of the same version uses.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: 'http://127.0.0.1:7424' }],
    tags: ['tasks', 'health', 'control'].map((name) => ({ name })),
    paths,
    components: {
      schemas: { Error: jsonSchema(errorBody, 'output') },
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', description: 'As `kith token create` shows it.' },
      },
    },
  }
}

function describe({
  headers,
  input,
  method,
  name,
  path,
  replies,
  scopes,
  summary,
  tag,
}: Operation): JsonSchema {
  const { properties, required } = fieldsOf(input === undefined ? {} : jsonSchema(input, 'input'))
  const inPath = Array.from(path.matchAll(/:(\w+)/g), ([, key = '']) => key)
  const parameters = Object.entries(properties)
    .filter(([key]) => inPath.includes(key) || method === 'get')
    .map(([key, schema]) => ({
      name: key,
      in: inPath.includes(key) ? 'path' : 'query',
      required: inPath.includes(key) || required.includes(key),
      schema,
    }))
  const ofHeaders = Object.entries(headers ?? {}).map(([key, description]) => ({
    ...{ name: key, in: 'header', required: false, description, schema: { type: 'string' } },
  }))
  const all = [...parameters, ...ofHeaders]
  const body = input === undefined || method === 'get' ? undefined : bodySchema(input, inPath)
  return {
    operationId: name,
    summary,
    tags: [tag],
    security: scopes === undefined ? [] : [{ token: [] }],
    ...(scopes === undefined ? {} : { 'x-kith-scopes': scopes }),
    ...(all.length === 0 ? {} : { parameters: all }),
    ...(body === undefined
      ? {}
      : { requestBody: { required: true, content: { 'application/json': { schema: body } } } }),
    responses: responsesOf(replies),
  }
}

function responsesOf(replies: Operation['replies']): JsonSchema {
  const error = { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } }
  return {
    ...Object.fromEntries(
      Object.entries(replies).map(([status, { schema, stream, text, what }]) => {
        if (text === true) {
          return [
            status,
            { description: what, content: { 'text/plain': { schema: { type: 'string' } } } },
          ]
        }
        if (schema === undefined) return [status, { description: what }]
        const type = stream === true ? 'text/event-stream' : 'application/json'
        const shape = jsonSchema(schema, 'output')
        return [status, { description: what, content: { [type]: { schema: shape } } }]
      }),
    ),
    default: { description: 'What was refused, and why.', content: error },
  }
}

/** The fields of an input: of one that has several shapes, those of all of them. */
function fieldsOf(schema: Shape): Required<Pick<Shape, 'properties' | 'required'>> {
  const { anyOf = [], oneOf = [], properties = {}, required = [] } = schema
  const shapes = [...anyOf, ...oneOf].map(fieldsOf)
  return {
    properties: Object.assign(
      {},
      ...shapes.map((shape) => shape.properties),
      properties,
    ) as JsonSchema,
    required,
  }
}

/** The schema of a body: that of the input, without what is in the path. */
function bodySchema(input: z.ZodType, inPath: readonly string[]): JsonSchema {
  return without(jsonSchema(input, 'input'), inPath)
}

/** `schema` without these properties, in each of the shapes that it may have. */
function without(schema: Shape, keys: readonly string[]): JsonSchema {
  const { anyOf, oneOf, properties, required, ...rest } = schema
  const needed = required?.filter((key) => !keys.includes(key)) ?? []
  const left = Object.entries(properties ?? {}).filter(([key]) => !keys.includes(key))
  return {
    ...rest,
    ...(anyOf === undefined ? {} : { anyOf: anyOf.map((each) => without(each, keys)) }),
    ...(oneOf === undefined ? {} : { oneOf: oneOf.map((each) => without(each, keys)) }),
    ...(properties === undefined ? {} : { properties: Object.fromEntries(left) }),
    ...(needed.length === 0 ? {} : { required: needed }),
  }
}

function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
  const made: JsonSchema = z.toJSONSchema(schema, {
    io,
    // What a refinement checks cannot be said here, nor what bytes are.
    unrepresentable: 'any',
    reused: 'inline',
  })
  Reflect.deleteProperty(made, '$schema')
  return made
}
