-- Every role and its rights, whatever they were before: run on the first start, and again whenever it matters.
-- `postgres`, the login of worker and result, may read, insert and update the table `votes`, and nothing else:
-- its password may be known to everybody, so it owns nothing and can make nothing.
\getenv app_password APP_PASSWORD
\getenv monitor_password MONITOR_PASSWORD
\getenv backup_password BACKUP_PASSWORD
-- Whatever the server is told to log, no password gets there.
SET log_statement = none;
SET log_min_duration_statement = -1;
SET log_min_error_statement = panic;
SET client_min_messages = warning;
BEGIN;

SELECT format('CREATE ROLE %I', name)
FROM unnest(ARRAY['postgres', 'monitor', 'backup']) AS name
WHERE name NOT IN (SELECT rolname FROM pg_roles) \gexec

ALTER ROLE postgres LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS NOINHERIT
  CONNECTION LIMIT 40 PASSWORD :'app_password';
ALTER ROLE monitor LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS
  CONNECTION LIMIT 4 PASSWORD :'monitor_password';
ALTER ROLE backup LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS
  CONNECTION LIMIT 2 PASSWORD :'backup_password';
GRANT pg_monitor TO monitor;
GRANT pg_read_all_data TO backup;

-- A query that runs away ends, and cannot fill the volume.
ALTER ROLE postgres SET statement_timeout = '30s';
ALTER ROLE postgres SET idle_in_transaction_session_timeout = '60s';
ALTER ROLE postgres SET temp_file_limit = '128MB';

REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC;
GRANT CONNECT ON DATABASE postgres TO postgres, monitor, backup;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
-- The worker says CREATE TABLE IF NOT EXISTS at each start, which asks for this right even when the table is
-- there. The guard below keeps anything from being made by it.
GRANT USAGE, CREATE ON SCHEMA public TO postgres;
REVOKE EXECUTE ON FUNCTION lo_creat(integer), lo_create(oid), lo_from_bytea(oid, bytea) FROM PUBLIC;

CREATE TABLE IF NOT EXISTS public.votes (
  id varchar(255) NOT NULL UNIQUE,
  vote varchar(255) NOT NULL
);
ALTER TABLE public.votes OWNER TO CURRENT_USER;
REVOKE ALL ON public.votes FROM postgres;
GRANT SELECT, INSERT, UPDATE ON public.votes TO postgres;

CREATE SCHEMA IF NOT EXISTS guard;
CREATE OR REPLACE FUNCTION guard.refuse_ddl() RETURNS event_trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  IF (SELECT NOT rolsuper FROM pg_roles WHERE rolname = session_user)
    AND EXISTS (SELECT FROM pg_event_trigger_ddl_commands()) THEN
    RAISE insufficient_privilege USING MESSAGE = format('%s is refused to %s', tg_tag, session_user);
  END IF;
END
$$;
DROP EVENT TRIGGER IF EXISTS refuse_ddl;
CREATE EVENT TRIGGER refuse_ddl ON ddl_command_end EXECUTE FUNCTION guard.refuse_ddl();

COMMIT;
