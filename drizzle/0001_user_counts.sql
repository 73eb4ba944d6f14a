CREATE TABLE "user_counts" (
	"organization_id" text collate "C" NOT NULL,
	"type" "user_type" NOT NULL,
	"state" "user_state" NOT NULL,
	"shard" integer NOT NULL,
	"total" bigint NOT NULL,
	CONSTRAINT "user_counts_organization_id_type_state_shard_pk" PRIMARY KEY("organization_id","type","state","shard")
);
--> statement-breakpoint
ALTER TABLE "user_counts" SET (fillfactor = 50);
--> statement-breakpoint
-- Each connection has its shard, so that two who write at once seldom wait for each other; rows are taken in the order of
-- the key, so that those who do share one do not lock each other out.
CREATE FUNCTION count_users() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  sign integer := CASE TG_OP WHEN 'INSERT' THEN 1 ELSE -1 END;
BEGIN
  INSERT INTO user_counts AS c (organization_id, type, state, shard, total)
    SELECT organization_id, type, state, pg_backend_pid() % 64, sign * count(*) FROM changed
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    ON CONFLICT (organization_id, type, state, shard) DO UPDATE SET total = c.total + excluded.total;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER count_inserted AFTER INSERT ON users REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION count_users();
--> statement-breakpoint
CREATE TRIGGER count_deleted AFTER DELETE ON users REFERENCING OLD TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION count_users();
--> statement-breakpoint
CREATE FUNCTION recount_user() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO user_counts AS c (organization_id, type, state, shard, total)
    SELECT organization_id, type, state, pg_backend_pid() % 64, change
    FROM (VALUES (OLD.organization_id, OLD.type, OLD.state, -1), (NEW.organization_id, NEW.type, NEW.state, 1))
      AS moved (organization_id, type, state, change)
    ORDER BY 1, 2, 3
    ON CONFLICT (organization_id, type, state, shard) DO UPDATE SET total = c.total + excluded.total;
  RETURN NULL;
END $$;
--> statement-breakpoint
-- Most changes of a user move none of these: the condition keeps them free of the trigger's cost.
CREATE TRIGGER count_moved AFTER UPDATE ON users FOR EACH ROW
  WHEN (OLD.organization_id <> NEW.organization_id OR OLD.type <> NEW.type OR OLD.state <> NEW.state)
  EXECUTE FUNCTION recount_user();
--> statement-breakpoint
INSERT INTO user_counts (organization_id, type, state, shard, total)
  SELECT organization_id, type, state, 0, count(*) FROM users GROUP BY 1, 2, 3;
