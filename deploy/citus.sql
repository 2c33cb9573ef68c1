-- Spreads the tables over the servers of a Citus cluster, each row where its owner's are; docs/scaling.md says when.
--
-- Once, on the coordinator, after `alembic upgrade head` and after its workers were added (citus_add_node), by the owner
-- of the tables:
--
--     psql "$DATABASE_URL_UNPOOLED" -v ON_ERROR_STOP=1 -f deploy/citus.sql
--
-- What is there is taken along. All of it happens or nothing. Then `alembic upgrade head` again, which spreads the owned
-- tables of further slices, if there are any; and later migrations spread what they make themselves.
BEGIN;
SET LOCAL search_path = todo;

-- People who signed up here are looked for by their address, which says nothing of a server: sign-in is Better Auth's.
DO $$ BEGIN
    IF EXISTS (SELECT FROM local_accounts) THEN
        RAISE EXCEPTION 'there are local accounts, which cannot be spread: move them to Better Auth, and delete them here';
    END IF;
END $$;
-- The tables stay, for the migrations; nothing is in them, and nothing refers from one server to several.
ALTER TABLE local_accounts DROP CONSTRAINT fk_local_accounts_user_id_users;
ALTER TABLE local_sessions DROP CONSTRAINT fk_local_sessions_user_id_users;

-- A user's rows of all tables are on one server, so that no statement, key or transaction needs a second one.
SELECT create_distributed_table('todo.users', 'id', colocate_with => 'none');
SELECT create_distributed_table('todo.deleted_users', 'id', colocate_with => 'todo.users');
SELECT create_distributed_table('todo.idempotency_keys', 'user_id', colocate_with => 'todo.users');
SELECT create_distributed_table('todo.tasks', 'user_id', colocate_with => 'todo.users');
SELECT create_distributed_table('todo.tombstones', 'user_id', colocate_with => 'todo.users');

-- Of one row each, and the same on every server: so any of them can be asked.
SELECT create_reference_table('todo.alembic_version');
SELECT create_reference_table('todo.schema_compatibility');
SELECT create_reference_table('todo.sync_history');
COMMIT;

-- An INSERT that has another write in it the engine cuts in parts: six round trips to the owner's server and a
-- two-phase commit, whose locks last up to a minute where that server ends meanwhile. This is called there in one, also
-- in a transaction (force_delegation), and the text is run where all of its rows are. With the rights of whoever calls
-- it, it does nothing that they could not send by themselves. In no transaction with the others, as the engine wants it;
-- a cluster that was spread before there was this gets it by these two statements.
CREATE OR REPLACE FUNCTION todo.run_at_owner(owner text, statement text) RETURNS SETOF record LANGUAGE plpgsql
    AS 'BEGIN RETURN QUERY EXECUTE statement; END';
SELECT create_distributed_function(
    'todo.run_at_owner(text, text)', 'owner', colocate_with => 'todo.users', force_delegation => true
);

-- On every server. A read is one round trip to its server, and not three; what a session sets is not sent on with the
-- statement behind it; SET LOCAL lock_timeout does not reach a worker, nor does the session's time zone.
DO $$
DECLARE
    setting text;
BEGIN
    FOREACH setting IN ARRAY ARRAY[
        'citus.select_opens_transaction_block = off',
        'citus.propagate_set_commands = none',
        'lock_timeout = ''2s''',
        'timezone = ''UTC'''
    ] LOOP
        EXECUTE format('ALTER DATABASE %I SET %s', current_database(), setting);
    END LOOP;
END $$;
