import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { Validator } from '@seriousme/openapi-schema-validator'
import { ROUTES } from '../../src/node/control/api.ts'
import { openApiDocument } from '../../src/node/http/openapi.ts'
import { SOCKET_ROUTES } from '../../src/node/http/scopes.ts'
import { ROUTE_NAMES } from '../helpers/control.ts'

interface Operation {
  operationId: string
  security: object[]
  parameters?: { name: string; in: string }[]
}

describe('docs/openapi.json', () => {
  const document = openApiDocument() as {
    openapi: string
    paths: Record<string, Record<string, Operation>>
  }
  const operations = Object.values(document.paths).flatMap((methods) => Object.values(methods))

  it('is what the tables of routes say: node bin/openapi.ts', async () => {
    const text = await readFile('docs/openapi.json', 'utf8')
    assert.deepEqual(JSON.parse(text), document)
  })

  it('is valid OpenAPI 3.1', async () => {
    const { errors, valid } = await new Validator().validate(structuredClone(document))
    assert.ok(valid, JSON.stringify(errors))
    assert.match(document.openapi, /^3\.1\./)
  })

  it('has every route that the TCP listener serves, each once, and no other', () => {
    const ids = operations.map(({ operationId }) => operationId)
    assert.equal(new Set(ids).size, ids.length)
    const served = ROUTE_NAMES.filter((name) => !SOCKET_ROUTES.has(name))
    for (const name of served) {
      const path = ROUTES[name].path.replaceAll(/:(\w+)/g, '{$1}')
      const operation = document.paths[path]?.[ROUTES[name].method.toLowerCase()]
      assert.equal(operation?.operationId, name)
    }
    for (const name of SOCKET_ROUTES) assert.ok(!ids.includes(name), name)
  })

  it('names a parameter for each part of a path that varies', () => {
    for (const [path, methods] of Object.entries(document.paths)) {
      const named = Array.from(path.matchAll(/\{(\w+)\}/g), ([, name]) => name)
      for (const { operationId, parameters = [] } of Object.values(methods)) {
        const inPath = parameters.filter((parameter) => parameter.in === 'path')
        assert.deepEqual(inPath.map(({ name }) => name).sort(), named.sort(), operationId)
      }
    }
  })

  it('asks for a token everywhere but for the probes', () => {
    const open = operations.filter(({ security }) => security.length === 0)
    assert.deepEqual(
      open.map(({ operationId }) => operationId),
      ['live', 'ready', 'getHealth'],
    )
  })
})
