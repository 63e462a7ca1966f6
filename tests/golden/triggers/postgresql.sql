-- viaduct_trust_insert, fingerprint 70d4cadb10fa
CREATE OR REPLACE FUNCTION "public"."viaduct_trust_insert"() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $viaduct$
BEGIN
  /* viaduct:70d4cadb10fa */
  INSERT INTO "public"."viaduct_dirty" ("kind", "key", "stamped_at") VALUES ('trust', (coalesce(CAST(NEW."id" AS TEXT), '') || '/' || 'a%2Fb' || '/' || replace(replace(coalesce(CAST(NEW."kind" AS TEXT), ''), '%', '%25'), '/', '%2F') || '/' || CASE WHEN NEW."impersonation" IS NULL THEN '' WHEN NEW."impersonation" THEN '1' ELSE '0' END), CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT));
  RETURN NULL;
END;
$viaduct$;
CREATE TRIGGER "viaduct_trust_insert" AFTER INSERT ON "public"."trust"
FOR EACH ROW
EXECUTE FUNCTION "public"."viaduct_trust_insert"();
-- DROP TRIGGER IF EXISTS "viaduct_trust_insert" ON "public"."trust";
-- DROP FUNCTION IF EXISTS "public"."viaduct_trust_insert"();

-- viaduct_user_update, fingerprint af65ce032e38
CREATE OR REPLACE FUNCTION "public"."viaduct_user_update"() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $viaduct$
BEGIN
  /* viaduct:af65ce032e38 */
  INSERT INTO "public"."viaduct_dirty" ("kind", "key", "stamped_at") VALUES ('user', replace(replace(coalesce(CAST(NEW."id" AS TEXT), ''), '%', '%25'), '/', '%2F'), CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT));
  RETURN NULL;
END;
$viaduct$;
CREATE TRIGGER "viaduct_user_update" AFTER UPDATE ON "public"."user"
FOR EACH ROW WHEN ((OLD."enabled" IS DISTINCT FROM NEW."enabled") OR (OLD."group" IS DISTINCT FROM NEW."group") OR (OLD."limit" IS DISTINCT FROM NEW."limit") OR (OLD."created_at" IS DISTINCT FROM NEW."created_at"))
EXECUTE FUNCTION "public"."viaduct_user_update"();
-- DROP TRIGGER IF EXISTS "viaduct_user_update" ON "public"."user";
-- DROP FUNCTION IF EXISTS "public"."viaduct_user_update"();

-- viaduct_user_rename, fingerprint 9ced33af5b8d
CREATE OR REPLACE FUNCTION "public"."viaduct_user_rename"() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $viaduct$
BEGIN
  /* viaduct:9ced33af5b8d */
  INSERT INTO "public"."viaduct_dirty" ("kind", "key", "stamped_at") VALUES ('user', replace(replace(coalesce(CAST(OLD."id" AS TEXT), ''), '%', '%25'), '/', '%2F'), CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT));
  INSERT INTO "public"."viaduct_dirty" ("kind", "key", "stamped_at") VALUES ('user', replace(replace(coalesce(CAST(NEW."id" AS TEXT), ''), '%', '%25'), '/', '%2F'), CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT));
  RETURN NULL;
END;
$viaduct$;
CREATE TRIGGER "viaduct_user_rename" AFTER UPDATE ON "public"."user"
FOR EACH ROW WHEN (((OLD."name" IS DISTINCT FROM NEW."name")) AND (NEW."limit" > 3 AND (OLD."group" IS NOT DISTINCT FROM NEW."group")))
EXECUTE FUNCTION "public"."viaduct_user_rename"();
-- DROP TRIGGER IF EXISTS "viaduct_user_rename" ON "public"."user";
-- DROP FUNCTION IF EXISTS "public"."viaduct_user_rename"();

-- viaduct_user_delete, fingerprint 2e6a5bef86b6
CREATE OR REPLACE FUNCTION "public"."viaduct_user_delete"() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $viaduct$
BEGIN
  /* viaduct:2e6a5bef86b6 */
  INSERT INTO "public"."viaduct_dirty" ("kind", "key", "stamped_at") SELECT 'trust' AS "anon_1", (coalesce(CAST("public"."trust"."id" AS TEXT), '') || '/' || replace(replace(coalesce(CAST("public"."trust"."kind" AS TEXT), ''), '%', '%25'), '/', '%2F')) AS "anon_2", CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT) AS "anon_3" FROM "public"."trust" WHERE "public"."trust"."user_id" = OLD."id";
  RETURN OLD;
END;
$viaduct$;
CREATE TRIGGER "viaduct_user_delete" BEFORE DELETE ON "public"."user"
FOR EACH ROW
EXECUTE FUNCTION "public"."viaduct_user_delete"();
-- DROP TRIGGER IF EXISTS "viaduct_user_delete" ON "public"."user";
-- DROP FUNCTION IF EXISTS "public"."viaduct_user_delete"();

-- viaduct_user_orphaned, fingerprint ddacc890c069
CREATE OR REPLACE FUNCTION "public"."viaduct_user_orphaned"() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $viaduct$
BEGIN
  /* viaduct:ddacc890c069 */
  IF NOT (EXISTS (SELECT * FROM "public"."trust" WHERE "public"."trust"."user_id" = OLD."id")) THEN
    UPDATE "public"."trust" SET "impersonation"=false WHERE "public"."trust"."user_id" = OLD."id";
    DELETE FROM "public"."trust" WHERE "public"."trust"."kind" = 'two';
  END IF;
  RETURN NULL;
END;
$viaduct$;
CREATE TRIGGER "viaduct_user_orphaned" AFTER DELETE ON "public"."user"
FOR EACH ROW
EXECUTE FUNCTION "public"."viaduct_user_orphaned"();
-- DROP TRIGGER IF EXISTS "viaduct_user_orphaned" ON "public"."user";
-- DROP FUNCTION IF EXISTS "public"."viaduct_user_orphaned"();

-- viaduct_user_fill, fingerprint d0fceea187fb
CREATE OR REPLACE FUNCTION "public"."viaduct_user_fill"() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $viaduct$
BEGIN
  /* viaduct:d0fceea187fb */
  NEW."full_name" := upper(NEW."name");
  RETURN NEW;
END;
$viaduct$;
CREATE TRIGGER "viaduct_user_fill" BEFORE INSERT ON "public"."user"
FOR EACH ROW WHEN (NEW."full_name" IS NULL)
EXECUTE FUNCTION "public"."viaduct_user_fill"();
-- DROP TRIGGER IF EXISTS "viaduct_user_fill" ON "public"."user";
-- DROP FUNCTION IF EXISTS "public"."viaduct_user_fill"();

-- viaduct_user_both_ways, fingerprint 7d5e532bd217
CREATE OR REPLACE FUNCTION "public"."viaduct_user_both_ways"() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $viaduct$
DECLARE
  viaduct_0 VARCHAR(64);
  viaduct_1 VARCHAR(64);
BEGIN
  /* viaduct:7d5e532bd217 */
  INSERT INTO "public"."viaduct_dirty" ("kind", "key", "stamped_at") VALUES ('user', replace(replace(coalesce(CAST(NEW."name" AS TEXT), ''), '%', '%25'), '/', '%2F'), CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT));
  viaduct_0 := CASE WHEN (OLD."name" IS DISTINCT FROM NEW."name") THEN upper(NEW."name") ELSE NEW."full_name" END;
  viaduct_1 := CASE WHEN (OLD."name" IS DISTINCT FROM NEW."name") THEN NEW."name" ELSE lower(NEW."full_name") END;
  NEW."full_name" := viaduct_0;
  NEW."name" := viaduct_1;
  RETURN NEW;
END;
$viaduct$;
CREATE TRIGGER "viaduct_user_both_ways" BEFORE UPDATE ON "public"."user"
FOR EACH ROW WHEN ((OLD."name" IS DISTINCT FROM NEW."name") OR (OLD."full_name" IS DISTINCT FROM NEW."full_name"))
EXECUTE FUNCTION "public"."viaduct_user_both_ways"();
-- DROP TRIGGER IF EXISTS "viaduct_user_both_ways" ON "public"."user";
-- DROP FUNCTION IF EXISTS "public"."viaduct_user_both_ways"();

-- viaduct_user_literals, fingerprint ccc36d4f671a
CREATE OR REPLACE FUNCTION "public"."viaduct_user_literals"() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $viaduct_$
BEGIN
  /* viaduct:ccc36d4f671a */
  INSERT INTO "public"."viaduct_dirty" ("kind", "key", "stamped_at") VALUES ('50%', E'it''s a \\ back\\''slash, a "quote", a $viaduct$, 100 %s, a : and a ü 🔑', CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT));
  RETURN NULL;
END;
$viaduct_$;
CREATE TRIGGER "viaduct_user_literals" AFTER DELETE ON "public"."user"
FOR EACH ROW
EXECUTE FUNCTION "public"."viaduct_user_literals"();
-- DROP TRIGGER IF EXISTS "viaduct_user_literals" ON "public"."user";
-- DROP FUNCTION IF EXISTS "public"."viaduct_user_literals"();
