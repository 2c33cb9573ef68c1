-- The tasks of another backend become ours: docs/moving.md says when to run this, and what to run then. What it knows
-- of the old table is in the first three views: adapt them. The zone and the type of the ids are in the last function.
BEGIN;
CREATE SCHEMA moving;

-- The old table under these names, which the way back writes by. Prisma's: "userId" AS user_id, FROM public."Task".
CREATE VIEW moving.old_table AS
SELECT id, user_id, title, description, completed, created_at, updated_at FROM public.tasks;

-- What a task of the old table is here. UTC is the zone in which its times were written: Prisma and datetime.utcnow()
-- write UTC, datetime.now() the server's own. Where the columns have a zone, leave AT TIME ZONE out.
CREATE VIEW moving.old AS
SELECT id::text AS old_id, user_id, title, description, NULL::timestamptz AS due_at,
    CASE WHEN completed THEN 'completed' ELSE 'pending' END AS status,
    coalesce(created_at, updated_at) AT TIME ZONE 'UTC' AS created_at,
    coalesce(updated_at, created_at) AT TIME ZONE 'UTC' AS updated_at
FROM moving.old_table;

-- Who there is: a token's `sub` is this id.
CREATE VIEW moving.people AS SELECT id::text AS id FROM public."user";

CREATE TABLE moving.moved (
    old_id text PRIMARY KEY, user_id text NOT NULL, id uuid NOT NULL, version bigint NOT NULL, UNIQUE (user_id, id)
);

-- All that is not moved. What has a reason will not be; the API could not serve it, or could not take it back.
CREATE VIEW moving.remaining AS
SELECT old.*,
    -- A UUID stays; of anything else one is made (RFC 9562, version 8) that is always the same.
    CASE WHEN old_id ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN old_id
        ELSE overlay(overlay(md5(old_id) PLACING '8' FROM 13) PLACING '8' FROM 17) END::uuid AS id,
    CASE WHEN NOT EXISTS (SELECT FROM moving.people p WHERE p.id = user_id) THEN 'no such user'
        WHEN EXISTS (SELECT FROM todo.deleted_users d WHERE d.id = user_id) THEN 'account deleted here'
        WHEN title IS NULL OR title !~ '[^[:space:]]' THEN 'no title'
        WHEN char_length(title) > 200 THEN 'title too long'
        WHEN char_length(description) > 10000 THEN 'description too long'
        WHEN status IS NULL OR status NOT IN ('pending', 'in_progress', 'completed') THEN 'unknown status'
        WHEN created_at IS NULL OR updated_at IS NULL THEN 'no time'
        WHEN greatest(created_at, updated_at) > clock_timestamp() THEN 'a time in the future'
        WHEN least(created_at, updated_at, due_at) < '0001-01-01Z' OR due_at >= '9999-12-31Z' THEN 'a time out of range'
    END AS reason
FROM moving.old WHERE NOT EXISTS (SELECT FROM moving.moved m WHERE m.old_id = old.old_id);

-- Of a trigger on the table that is left: what would be written there would be lost.
CREATE FUNCTION moving.reject() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- What goes with an account that is deleted (ON DELETE CASCADE) may go.
    IF TG_OP <> 'DELETE' OR pg_trigger_depth() = 1 THEN
        RAISE 'the tasks have moved' USING ERRCODE = 'read_only_sql_transaction';
    END IF;
    RETURN NULL;
END $$;

-- Moves what has no reason not to be, and says how many. Run again it moves what was mended since, and nothing twice.
CREATE FUNCTION moving.move() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    moved bigint;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgfoid = 'moving.reject'::regproc AND tgenabled <> 'D') THEN
        RAISE 'the old table can be written: what is written there from now on would be lost';
    END IF;
    INSERT INTO todo.users (id) SELECT DISTINCT user_id FROM moving.remaining WHERE reason IS NULL
    ON CONFLICT DO NOTHING;
    -- To a client that syncs it is one change of each user, numbered as every change is. The number is the version as
    -- well: no version of a row of this user was ever greater. The clock, as the lock may have been waited for.
    WITH next AS MATERIALIZED (SELECT * FROM moving.remaining WHERE reason IS NULL),
    counted AS (
        UPDATE todo.users SET change = change + 1, changed_at = greatest(changed_at, clock_timestamp())
        WHERE id IN (SELECT user_id FROM next) RETURNING id AS user_id, change
    ), made AS (
        INSERT INTO todo.tasks
            (user_id, id, title, description, status, due_at, completed_at, created_at, updated_at, change, version)
        SELECT user_id, id, title, description, status, due_at, CASE status WHEN 'completed' THEN updated_at END,
            created_at, updated_at, change, change
        FROM next JOIN counted USING (user_id) RETURNING user_id, id, version
    ), noted AS (
        INSERT INTO moving.moved SELECT old_id, user_id, id, version FROM next JOIN made USING (user_id, id) RETURNING 1
    )
    SELECT count(*) INTO moved FROM noted;
    RETURN moved;
END $$;

-- Writes into the old table what was deleted, changed and made here since. Where ids are texts, write id::text in
-- place of nextval(…), and leave ::integer out.
CREATE FUNCTION moving.back() RETURNS void LANGUAGE sql AS $$
    DELETE FROM moving.old_table old USING moving.moved m WHERE m.old_id = old.id::text
        AND NOT EXISTS (SELECT FROM todo.tasks t WHERE t.user_id = m.user_id AND t.id = m.id);
    UPDATE moving.old_table old SET title = t.title, description = t.description, completed = t.status = 'completed',
        updated_at = t.updated_at AT TIME ZONE 'UTC'
    FROM moving.moved m JOIN todo.tasks t USING (user_id, id) WHERE m.old_id = old.id::text AND t.version <> m.version;
    INSERT INTO moving.moved SELECT nextval(pg_get_serial_sequence('public.tasks', 'id')), user_id, id, version
    FROM todo.tasks t WHERE NOT EXISTS (SELECT FROM moving.moved m WHERE m.user_id = t.user_id AND m.id = t.id);
    INSERT INTO moving.old_table (id, user_id, title, description, completed, created_at, updated_at)
    SELECT m.old_id::integer, user_id, title, description, status = 'completed', created_at AT TIME ZONE 'UTC',
        updated_at AT TIME ZONE 'UTC'
    FROM moving.moved m JOIN todo.tasks t USING (user_id, id)
    WHERE NOT EXISTS (SELECT FROM moving.old_table old WHERE old.id::text = m.old_id)
        AND EXISTS (SELECT FROM moving.people p WHERE p.id = user_id);
$$;
COMMIT;
