-- viaduct_trust_insert, fingerprint b633516a70da
CREATE TRIGGER "viaduct_trust_insert" AFTER INSERT ON "trust"
FOR EACH ROW
BEGIN
  /* viaduct:b633516a70da */
  INSERT INTO "viaduct_dirty" ("kind", "key", "stamped_at") VALUES ('trust', CASE WHEN length((coalesce(CAST(NEW."id" AS TEXT), '') || '/' || 'a%2Fb' || '/' || replace(replace(coalesce(CAST(NEW."kind" AS TEXT), ''), '%', '%25'), '/', '%2F') || '/' || CASE WHEN NEW."impersonation" IS NULL THEN '' WHEN NEW."impersonation" THEN '1' ELSE '0' END)) > 700 THEN ('%~' || coalesce(CAST(NEW."id" AS TEXT), '') || '/' || 'a%sb' || '/' || replace(replace(coalesce(CAST(NEW."kind" AS TEXT), ''), '%', '%%'), '/', '%s') || '/' || CASE WHEN NEW."impersonation" IS NULL THEN '' WHEN NEW."impersonation" THEN '1' ELSE '0' END) ELSE (coalesce(CAST(NEW."id" AS TEXT), '') || '/' || 'a%2Fb' || '/' || replace(replace(coalesce(CAST(NEW."kind" AS TEXT), ''), '%', '%25'), '/', '%2F') || '/' || CASE WHEN NEW."impersonation" IS NULL THEN '' WHEN NEW."impersonation" THEN '1' ELSE '0' END) END, (CAST(strftime('%s', 'now') AS INTEGER) * 1000000 + CAST(substr(strftime('%f', 'now'), 4) AS INTEGER) * 1000));
END;
-- DROP TRIGGER IF EXISTS "viaduct_trust_insert";

-- viaduct_user_update, fingerprint 00861ff24066
CREATE TRIGGER "viaduct_user_update" AFTER UPDATE ON "user"
FOR EACH ROW WHEN (OLD."enabled" IS NOT NEW."enabled") OR (OLD."group" IS NOT NEW."group") OR (OLD."limit" IS NOT NEW."limit") OR (OLD."created_at" IS NOT NEW."created_at")
BEGIN
  /* viaduct:00861ff24066 */
  INSERT INTO "viaduct_dirty" ("kind", "key", "stamped_at") VALUES ('user', CASE WHEN length(replace(replace(coalesce(CAST(NEW."id" AS TEXT), ''), '%', '%25'), '/', '%2F')) > 700 THEN ('%~' || replace(replace(coalesce(CAST(NEW."id" AS TEXT), ''), '%', '%%'), '/', '%s')) ELSE replace(replace(coalesce(CAST(NEW."id" AS TEXT), ''), '%', '%25'), '/', '%2F') END, (CAST(strftime('%s', 'now') AS INTEGER) * 1000000 + CAST(substr(strftime('%f', 'now'), 4) AS INTEGER) * 1000));
END;
-- DROP TRIGGER IF EXISTS "viaduct_user_update";

-- viaduct_user_rename, fingerprint a934e3dd2d3e
CREATE TRIGGER "viaduct_user_rename" AFTER UPDATE ON "user"
FOR EACH ROW WHEN ((OLD."name" IS NOT NEW."name")) AND (NEW."limit" > 3 AND (OLD."group" IS NEW."group") = 1)
BEGIN
  /* viaduct:a934e3dd2d3e */
  INSERT INTO "viaduct_dirty" ("kind", "key", "stamped_at") VALUES ('user', CASE WHEN length(replace(replace(coalesce(CAST(OLD."id" AS TEXT), ''), '%', '%25'), '/', '%2F')) > 700 THEN ('%~' || replace(replace(coalesce(CAST(OLD."id" AS TEXT), ''), '%', '%%'), '/', '%s')) ELSE replace(replace(coalesce(CAST(OLD."id" AS TEXT), ''), '%', '%25'), '/', '%2F') END, (CAST(strftime('%s', 'now') AS INTEGER) * 1000000 + CAST(substr(strftime('%f', 'now'), 4) AS INTEGER) * 1000));
  INSERT INTO "viaduct_dirty" ("kind", "key", "stamped_at") VALUES ('user', CASE WHEN length(replace(replace(coalesce(CAST(NEW."id" AS TEXT), ''), '%', '%25'), '/', '%2F')) > 700 THEN ('%~' || replace(replace(coalesce(CAST(NEW."id" AS TEXT), ''), '%', '%%'), '/', '%s')) ELSE replace(replace(coalesce(CAST(NEW."id" AS TEXT), ''), '%', '%25'), '/', '%2F') END, (CAST(strftime('%s', 'now') AS INTEGER) * 1000000 + CAST(substr(strftime('%f', 'now'), 4) AS INTEGER) * 1000));
END;
-- DROP TRIGGER IF EXISTS "viaduct_user_rename";

-- viaduct_user_delete, fingerprint a1303120c7be
CREATE TRIGGER "viaduct_user_delete" BEFORE DELETE ON "user"
FOR EACH ROW
BEGIN
  /* viaduct:a1303120c7be */
  INSERT INTO "viaduct_dirty" ("kind", "key", "stamped_at") SELECT 'trust' AS "anon_1", CASE WHEN length((coalesce(CAST("trust"."id" AS TEXT), '') || '/' || replace(replace(coalesce(CAST("trust"."kind" AS TEXT), ''), '%', '%25'), '/', '%2F'))) > 700 THEN ('%~' || coalesce(CAST("trust"."id" AS TEXT), '') || '/' || replace(replace(coalesce(CAST("trust"."kind" AS TEXT), ''), '%', '%%'), '/', '%s')) ELSE (coalesce(CAST("trust"."id" AS TEXT), '') || '/' || replace(replace(coalesce(CAST("trust"."kind" AS TEXT), ''), '%', '%25'), '/', '%2F')) END AS "anon_2", (CAST(strftime('%s', 'now') AS INTEGER) * 1000000 + CAST(substr(strftime('%f', 'now'), 4) AS INTEGER) * 1000) AS "anon_3" FROM "trust" WHERE "trust"."user_id" = OLD."id";
END;
-- DROP TRIGGER IF EXISTS "viaduct_user_delete";

-- viaduct_user_orphaned, fingerprint 047b7c7d3883
CREATE TRIGGER "viaduct_user_orphaned" AFTER DELETE ON "user"
FOR EACH ROW WHEN NOT (EXISTS (SELECT * FROM "trust" WHERE "trust"."user_id" = OLD."id"))
BEGIN
  /* viaduct:047b7c7d3883 */
  UPDATE "trust" SET "impersonation"=0 WHERE "trust"."user_id" = OLD."id";
  DELETE FROM "trust" WHERE "trust"."kind" = 'two';
END;
-- DROP TRIGGER IF EXISTS "viaduct_user_orphaned";

-- viaduct_user_fill, fingerprint 70d3753b03da
CREATE TRIGGER "viaduct_user_fill" AFTER INSERT ON "user"
FOR EACH ROW WHEN NEW."full_name" IS NULL
BEGIN
  /* viaduct:70d3753b03da */
  UPDATE "user" SET "full_name" = upper(NEW."name") WHERE "id" IS NEW."id" AND ("full_name" IS NOT upper(NEW."name"));
END;
-- DROP TRIGGER IF EXISTS "viaduct_user_fill";

-- viaduct_user_both_ways, fingerprint 041a352e9c14
CREATE TRIGGER "viaduct_user_both_ways" AFTER UPDATE ON "user"
FOR EACH ROW WHEN (OLD."name" IS NOT NEW."name") OR (OLD."full_name" IS NOT NEW."full_name")
BEGIN
  /* viaduct:041a352e9c14 */
  INSERT INTO "viaduct_dirty" ("kind", "key", "stamped_at") VALUES ('user', CASE WHEN length(replace(replace(coalesce(CAST(NEW."name" AS TEXT), ''), '%', '%25'), '/', '%2F')) > 700 THEN ('%~' || replace(replace(coalesce(CAST(NEW."name" AS TEXT), ''), '%', '%%'), '/', '%s')) ELSE replace(replace(coalesce(CAST(NEW."name" AS TEXT), ''), '%', '%25'), '/', '%2F') END, (CAST(strftime('%s', 'now') AS INTEGER) * 1000000 + CAST(substr(strftime('%f', 'now'), 4) AS INTEGER) * 1000));
  UPDATE "user" SET "full_name" = CASE WHEN (OLD."name" IS NOT NEW."name") THEN upper(NEW."name") ELSE NEW."full_name" END, "name" = CASE WHEN (OLD."name" IS NOT NEW."name") THEN NEW."name" ELSE lower(NEW."full_name") END WHERE "id" IS NEW."id" AND ("full_name" IS NOT CASE WHEN (OLD."name" IS NOT NEW."name") THEN upper(NEW."name") ELSE NEW."full_name" END OR "name" IS NOT CASE WHEN (OLD."name" IS NOT NEW."name") THEN NEW."name" ELSE lower(NEW."full_name") END);
END;
-- DROP TRIGGER IF EXISTS "viaduct_user_both_ways";

-- viaduct_user_literals, fingerprint 70b7c04eae8d
CREATE TRIGGER "viaduct_user_literals" AFTER DELETE ON "user"
FOR EACH ROW
BEGIN
  /* viaduct:70b7c04eae8d */
  INSERT INTO "viaduct_dirty" ("kind", "key", "stamped_at") VALUES ('50%', 'it''s a \ back\''slash, a "quote", a $viaduct$, 100 %s, a : and a ü 🔑', (CAST(strftime('%s', 'now') AS INTEGER) * 1000000 + CAST(substr(strftime('%f', 'now'), 4) AS INTEGER) * 1000));
END;
-- DROP TRIGGER IF EXISTS "viaduct_user_literals";
