// Fastify with pg and SQL by hand: schemas in and out, one line of its own logger for each request.
import { randomUUID } from 'node:crypto'
import jwt from '@fastify/jwt'
import Fastify from 'fastify'
import pg from 'pg'

const url = new URL(process.env.DATABASE_URL.replace('@/', '@localhost/'))
const pool = new pg.Pool({
  host: url.searchParams.get('host'),
  user: url.username,
  database: url.pathname.slice(1),
  max: Number(process.env.CONNECTIONS),
})
const app = Fastify({ logger: true, disableRequestLogging: true })
await app.register(jwt, { secret: process.env.JWT_SECRET, verify: { algorithms: ['HS256'], requiredClaims: ['exp', 'sub'], cache: true } })

const columns = 'id, title, description, status, due_at, created_at, updated_at, completed_at'
const time = { type: 'string', format: 'date-time' }
const nullable = (schema) => ({ ...schema, nullable: true })
const fields = {
  title: { type: 'string', minLength: 1, maxLength: 200 },
  description: nullable({ type: 'string', maxLength: 10000 }),
  status: { type: 'string', enum: ['pending', 'in_progress', 'completed'] },
  due_at: nullable(time),
}
const task = {
  type: 'object',
  properties: { id: { type: 'string' }, ...fields, created_at: time, updated_at: time, completed_at: nullable(time) },
}
const body = { type: 'object', properties: fields, additionalProperties: false }
const params = { type: 'object', properties: { id: { type: 'string', format: 'uuid' } } }
const query = { type: 'object', properties: { limit: { type: 'integer', minimum: 1, maximum: 100, default: 50 } } }

app.addHook('onRequest', (request) => request.jwtVerify())
app.addHook('onResponse', async (request, reply) => {
  request.log.info({ method: request.method, path: request.url, status: reply.statusCode, duration_ms: reply.elapsedTime }, 'request')
})

// A statement with a name is prepared once on each connection; without one it is parsed and planned each time.
const named = process.env.NAMED === '1'
const send = (name, text, values) => pool.query(named ? { name, text, values } : { text, values })

async function one(reply, name, text, values) {
  const { rows } = await send(name, text, values)
  if (rows.length === 0) return reply.code(404).send()
  return rows[0]
}

app.get('/users/me/tasks', { schema: { querystring: query, response: { 200: { type: 'object', properties: { items: { type: 'array', items: task } } } } } },
  async (request) => {
    const text = `SELECT ${columns} FROM tasks WHERE user_id = $1 ORDER BY created_at DESC, id DESC LIMIT $2`
    const { rows } = await send('list', text, [request.user.sub, request.query.limit])
    return { items: rows }
  })

app.get('/users/me/tasks/:id', { schema: { params, response: { 200: task } } },
  (request, reply) => one(reply, 'get', `SELECT ${columns} FROM tasks WHERE user_id = $1 AND id = $2`, [request.user.sub, request.params.id]))

app.post('/users/me/tasks', { schema: { body: { ...body, required: ['title'] }, response: { 201: task } } }, (request, reply) => {
  const { title, description = null, status = 'pending', due_at = null } = request.body
  const text = `INSERT INTO tasks (user_id, id, title, description, status, due_at) VALUES ($1, $2, $3, $4, $5, $6) RETURNING ${columns}`
  reply.code(201)
  return one(reply, 'create', text, [request.user.sub, randomUUID(), title, description, status, due_at])
})

app.patch('/users/me/tasks/:id', { schema: { params, body, response: { 200: task } } }, (request, reply) => {
  const names = Object.keys(request.body)
  const set = names.map((name, index) => `${name} = $${index + 3}, `).join('')
  const text = `UPDATE tasks SET ${set}version = version + 1, updated_at = now() WHERE user_id = $1 AND id = $2 RETURNING ${columns}`
  return one(reply, `update ${names}`, text, [request.user.sub, request.params.id, ...names.map((name) => request.body[name])])
})

await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT) })
