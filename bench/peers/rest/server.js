/*
 * The REST service: Feathers' own Koa transport and Knex adapter on better-sqlite3, configured as
 * its guide does. Hooks bind the tenant of the request to every query, hide what is deleted, and
 * put each write into a transaction; the rest is Feathers'. Pages come
 * without a count of all, which Feathers would read for each. `node server.js STORE` prints its port.
 */
import { feathers } from '@feathersjs/feathers'
import { KnexService, transaction } from '@feathersjs/knex'
import { bodyParser, errorHandler, koa, parseAuthentication, rest } from '@feathersjs/koa'
import knex from 'knex'

/* The settings of the hand-written program, for every connection. better-sqlite3 is built to sync
 * less in WAL mode, so FULL is asked for. */
const open = (path) =>
  knex({
    client: 'better-sqlite3',
    connection: { filename: path },
    useNullAsDefault: true,
    pool: {
      min: 1,
      max: 1,
      afterCreate(connection, done) {
        connection.pragma('journal_mode = WAL')
        connection.pragma('synchronous = FULL')
        connection.pragma('foreign_keys = 1')
        connection.pragma('trusted_schema = 0')
        connection.pragma('cell_size_check = 1')
        connection.pragma('temp_store = 2')
        connection.pragma('cache_size = -16384')
        done(null, connection)
      }
    }
  })

const tenantOf = (context) => {
  const tenant = context.params.headers['x-tenant']

  if (!tenant) throw new Error('no tenant')
  return tenant
}

const bindQuery = (context) => {
  context.params.query = { ...context.params.query, tenant_id: tenantOf(context), deleted_at: null }
}

const bindData = (context) => {
  const rows = Array.isArray(context.data) ? context.data : [context.data]

  for (const row of rows) row.tenant_id = tenantOf(context)
}

const application = async (path) => {
  const database = open(path)
  const app = koa(feathers())

  app.use(errorHandler())
  app.use(parseAuthentication())
  app.use(bodyParser({ jsonLimit: '16mb' }))
  app.configure(rest())
  app.use(
    'connectors',
    new KnexService({
      Model: database,
      name: 'connector',
      id: 'id',
      multi: ['create']
    }),
    { methods: ['find', 'get', 'create', 'patch'] }
  )
  app.service('connectors').hooks({
    before: {
      find: [bindQuery],
      get: [bindQuery],
      create: [bindData, transaction.start()],
      patch: [bindQuery, transaction.start()]
    },
    after: { create: [transaction.end()], patch: [transaction.end()] },
    error: { create: [transaction.rollback()], patch: [transaction.rollback()] }
  })
  await database.raw('SELECT 1')
  return app
}

const app = await application(process.argv[2])
const server = await app.listen(0, '127.0.0.1')

const tell = () => console.log(`port ${server.address().port}`)

if (server.listening) tell()
else server.once('listening', tell)
process.on('SIGTERM', () => process.exit(0))
