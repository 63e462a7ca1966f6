-- rename column
-- viaduct_b_thing_account_upd, fingerprint ca9e8cf6b33d
CREATE OR REPLACE FUNCTION "public"."viaduct_b_thing_account_upd__ca9e8cf6b33d"() RETURNS trigger LANGUAGE plpgsql
AS $viaduct$
BEGIN
  IF ((OLD)."account" IS DISTINCT FROM (NEW)."account") THEN
    NEW."login" := (NEW)."account";
  ELSIF ((OLD)."login" IS DISTINCT FROM (NEW)."login") THEN
    NEW."account" := (NEW)."login";
  END IF;
  RETURN NEW;
END;
$viaduct$;
CREATE TRIGGER "viaduct_b_thing_account_upd" BEFORE UPDATE ON "public"."thing"
FOR EACH ROW WHEN (NOT ((NEW)."account" IS NOT DISTINCT FROM (NEW)."login"))
EXECUTE FUNCTION "public"."viaduct_b_thing_account_upd__ca9e8cf6b33d"();

-- viaduct_b_thing_account_ins, fingerprint 9200d1292094
CREATE OR REPLACE FUNCTION "public"."viaduct_b_thing_account_ins__9200d1292094"() RETURNS trigger LANGUAGE plpgsql
AS $viaduct$
BEGIN
  IF (NEW)."account" IS NOT NULL THEN
    NEW."login" := (NEW)."account";
  ELSE
    NEW."account" := (NEW)."login";
  END IF;
  RETURN NEW;
END;
$viaduct$;
CREATE TRIGGER "viaduct_b_thing_account_ins" BEFORE INSERT ON "public"."thing"
FOR EACH ROW WHEN (NOT ((NEW)."account" IS NOT DISTINCT FROM (NEW)."login"))
EXECUTE FUNCTION "public"."viaduct_b_thing_account_ins__9200d1292094"();

-- rename column, not null
-- viaduct_b_thing_account_upd, fingerprint ca9e8cf6b33d
CREATE OR REPLACE FUNCTION "public"."viaduct_b_thing_account_upd__ca9e8cf6b33d"() RETURNS trigger LANGUAGE plpgsql
AS $viaduct$
BEGIN
  IF ((OLD)."account" IS DISTINCT FROM (NEW)."account") THEN
    NEW."login" := (NEW)."account";
  ELSIF ((OLD)."login" IS DISTINCT FROM (NEW)."login") THEN
    NEW."account" := (NEW)."login";
  END IF;
  RETURN NEW;
END;
$viaduct$;
CREATE TRIGGER "viaduct_b_thing_account_upd" BEFORE UPDATE ON "public"."thing"
FOR EACH ROW WHEN (NOT ((NEW)."account" IS NOT DISTINCT FROM (NEW)."login"))
EXECUTE FUNCTION "public"."viaduct_b_thing_account_upd__ca9e8cf6b33d"();

-- viaduct_b_thing_account_ins, fingerprint 9200d1292094
CREATE OR REPLACE FUNCTION "public"."viaduct_b_thing_account_ins__9200d1292094"() RETURNS trigger LANGUAGE plpgsql
AS $viaduct$
BEGIN
  IF (NEW)."account" IS NOT NULL THEN
    NEW."login" := (NEW)."account";
  ELSE
    NEW."account" := (NEW)."login";
  END IF;
  RETURN NEW;
END;
$viaduct$;
CREATE TRIGGER "viaduct_b_thing_account_ins" BEFORE INSERT ON "public"."thing"
FOR EACH ROW WHEN (NOT ((NEW)."account" IS NOT DISTINCT FROM (NEW)."login"))
EXECUTE FUNCTION "public"."viaduct_b_thing_account_ins__9200d1292094"();

-- rename column, default
-- viaduct_b_thing_account_upd, fingerprint ca9e8cf6b33d
CREATE OR REPLACE FUNCTION "public"."viaduct_b_thing_account_upd__ca9e8cf6b33d"() RETURNS trigger LANGUAGE plpgsql
AS $viaduct$
BEGIN
  IF ((OLD)."account" IS DISTINCT FROM (NEW)."account") THEN
    NEW."login" := (NEW)."account";
  ELSIF ((OLD)."login" IS DISTINCT FROM (NEW)."login") THEN
    NEW."account" := (NEW)."login";
  END IF;
  RETURN NEW;
END;
$viaduct$;
CREATE TRIGGER "viaduct_b_thing_account_upd" BEFORE UPDATE ON "public"."thing"
FOR EACH ROW WHEN (NOT ((NEW)."account" IS NOT DISTINCT FROM (NEW)."login"))
EXECUTE FUNCTION "public"."viaduct_b_thing_account_upd__ca9e8cf6b33d"();

-- viaduct_b_thing_account_ins, fingerprint 9200d1292094
CREATE OR REPLACE FUNCTION "public"."viaduct_b_thing_account_ins__9200d1292094"() RETURNS trigger LANGUAGE plpgsql
AS $viaduct$
BEGIN
  IF (NEW)."account" IS NOT NULL THEN
    NEW."login" := (NEW)."account";
  ELSE
    NEW."account" := (NEW)."login";
  END IF;
  RETURN NEW;
END;
$viaduct$;
CREATE TRIGGER "viaduct_b_thing_account_ins" BEFORE INSERT ON "public"."thing"
FOR EACH ROW WHEN (NOT ((NEW)."account" IS NOT DISTINCT FROM (NEW)."login"))
EXECUTE FUNCTION "public"."viaduct_b_thing_account_ins__9200d1292094"();

-- change type
-- viaduct_b_thing_port_upd, fingerprint 14b2c7b8c366
CREATE OR REPLACE FUNCTION "public"."viaduct_b_thing_port_upd__14b2c7b8c366"() RETURNS trigger LANGUAGE plpgsql
AS $viaduct$
BEGIN
  IF ((OLD)."port_number" IS DISTINCT FROM (NEW)."port_number") THEN
    NEW."port" := CAST((NEW)."port_number" AS TEXT);
  ELSIF ((OLD)."port" IS DISTINCT FROM (NEW)."port") THEN
    NEW."port_number" := coalesce(CASE WHEN (CASE WHEN (coalesce((NEW)."port" ~ '^-?[0-9]{1,18}$', false)) THEN CAST((NEW)."port" AS BIGINT) END BETWEEN -2147483648 AND 2147483647) THEN CASE WHEN (coalesce((NEW)."port" ~ '^-?[0-9]{1,18}$', false)) THEN CAST((NEW)."port" AS BIGINT) END END, CASE WHEN ((NEW)."port" IS NOT NULL) THEN -1 END);
  END IF;
  RETURN NEW;
END;
$viaduct$;
CREATE TRIGGER "viaduct_b_thing_port_upd" BEFORE UPDATE ON "public"."thing"
FOR EACH ROW WHEN ((((OLD)."port" IS DISTINCT FROM (NEW)."port") OR ((OLD)."port_number" IS DISTINCT FROM (NEW)."port_number")) AND (NOT (((NEW)."port_number" IS NOT DISTINCT FROM coalesce(CASE WHEN (CASE WHEN (coalesce((NEW)."port" ~ '^-?[0-9]{1,18}$', false)) THEN CAST((NEW)."port" AS BIGINT) END BETWEEN -2147483648 AND 2147483647) THEN CASE WHEN (coalesce((NEW)."port" ~ '^-?[0-9]{1,18}$', false)) THEN CAST((NEW)."port" AS BIGINT) END END, CASE WHEN ((NEW)."port" IS NOT NULL) THEN -1 END)) OR ((NEW)."port" IS NOT DISTINCT FROM CAST((NEW)."port_number" AS TEXT)))))
EXECUTE FUNCTION "public"."viaduct_b_thing_port_upd__14b2c7b8c366"();

-- viaduct_b_thing_port_ins, fingerprint 60b2b05d2628
CREATE OR REPLACE FUNCTION "public"."viaduct_b_thing_port_ins__60b2b05d2628"() RETURNS trigger LANGUAGE plpgsql
AS $viaduct$
BEGIN
  IF (NEW)."port_number" IS NOT NULL THEN
    NEW."port" := CAST((NEW)."port_number" AS TEXT);
  ELSE
    NEW."port_number" := coalesce(CASE WHEN (CASE WHEN (coalesce((NEW)."port" ~ '^-?[0-9]{1,18}$', false)) THEN CAST((NEW)."port" AS BIGINT) END BETWEEN -2147483648 AND 2147483647) THEN CASE WHEN (coalesce((NEW)."port" ~ '^-?[0-9]{1,18}$', false)) THEN CAST((NEW)."port" AS BIGINT) END END, CASE WHEN ((NEW)."port" IS NOT NULL) THEN -1 END);
  END IF;
  RETURN NEW;
END;
$viaduct$;
CREATE TRIGGER "viaduct_b_thing_port_ins" BEFORE INSERT ON "public"."thing"
FOR EACH ROW WHEN (NOT (((NEW)."port_number" IS NOT DISTINCT FROM coalesce(CASE WHEN (CASE WHEN (coalesce((NEW)."port" ~ '^-?[0-9]{1,18}$', false)) THEN CAST((NEW)."port" AS BIGINT) END BETWEEN -2147483648 AND 2147483647) THEN CASE WHEN (coalesce((NEW)."port" ~ '^-?[0-9]{1,18}$', false)) THEN CAST((NEW)."port" AS BIGINT) END END, CASE WHEN ((NEW)."port" IS NOT NULL) THEN -1 END)) OR (NEW)."port_number" IS NOT NULL AND ((NEW)."port" IS NOT DISTINCT FROM CAST((NEW)."port_number" AS TEXT))))
EXECUTE FUNCTION "public"."viaduct_b_thing_port_ins__60b2b05d2628"();

-- change type, narrower
-- viaduct_b_thing_narrow_upd, fingerprint 20f71b1c7f9d
CREATE OR REPLACE FUNCTION "public"."viaduct_b_thing_narrow_upd__20f71b1c7f9d"() RETURNS trigger LANGUAGE plpgsql
AS $viaduct$
BEGIN
  IF ((OLD)."narrow" IS DISTINCT FROM (NEW)."narrow") THEN
    NEW."wide" := (NEW)."narrow";
  ELSIF ((OLD)."wide" IS DISTINCT FROM (NEW)."wide") THEN
    NEW."narrow" := CASE WHEN (length((NEW)."wide") BETWEEN 0 AND 3) THEN (NEW)."wide" END;
  END IF;
  RETURN NEW;
END;
$viaduct$;
CREATE TRIGGER "viaduct_b_thing_narrow_upd" BEFORE UPDATE ON "public"."thing"
FOR EACH ROW WHEN ((((OLD)."wide" IS DISTINCT FROM (NEW)."wide") OR ((OLD)."narrow" IS DISTINCT FROM (NEW)."narrow")) AND (NOT (((NEW)."narrow" IS NOT DISTINCT FROM CASE WHEN (length((NEW)."wide") BETWEEN 0 AND 3) THEN (NEW)."wide" END) OR ((NEW)."wide" IS NOT DISTINCT FROM (NEW)."narrow"))))
EXECUTE FUNCTION "public"."viaduct_b_thing_narrow_upd__20f71b1c7f9d"();

-- viaduct_b_thing_narrow_ins, fingerprint bb8550ad8014
CREATE OR REPLACE FUNCTION "public"."viaduct_b_thing_narrow_ins__bb8550ad8014"() RETURNS trigger LANGUAGE plpgsql
AS $viaduct$
BEGIN
  IF (NEW)."narrow" IS NOT NULL THEN
    NEW."wide" := (NEW)."narrow";
  ELSE
    NEW."narrow" := CASE WHEN (length((NEW)."wide") BETWEEN 0 AND 3) THEN (NEW)."wide" END;
  END IF;
  RETURN NEW;
END;
$viaduct$;
CREATE TRIGGER "viaduct_b_thing_narrow_ins" BEFORE INSERT ON "public"."thing"
FOR EACH ROW WHEN (NOT (((NEW)."narrow" IS NOT DISTINCT FROM CASE WHEN (length((NEW)."wide") BETWEEN 0 AND 3) THEN (NEW)."wide" END) OR (NEW)."narrow" IS NOT NULL AND ((NEW)."wide" IS NOT DISTINCT FROM (NEW)."narrow")))
EXECUTE FUNCTION "public"."viaduct_b_thing_narrow_ins__bb8550ad8014"();

-- transform
-- viaduct_b_thing_visibility_upd, fingerprint 3fdf2e8e3f2d
CREATE OR REPLACE FUNCTION "public"."viaduct_b_thing_visibility_upd__3fdf2e8e3f2d"() RETURNS trigger LANGUAGE plpgsql
AS $viaduct$
BEGIN
  IF ((OLD)."visibility" IS DISTINCT FROM (NEW)."visibility") OR (NEW)."is_public" IS NULL THEN
    NEW."is_public" := ((NEW)."visibility" IS NOT DISTINCT FROM 'public');
  ELSIF ((OLD)."is_public" IS DISTINCT FROM (NEW)."is_public") THEN
    NEW."visibility" := CASE WHEN (NEW)."is_public" THEN 'public' WHEN ((NEW)."is_public" IS NOT NULL) THEN 'shared' END;
  END IF;
  RETURN NEW;
END;
$viaduct$;
CREATE TRIGGER "viaduct_b_thing_visibility_upd" BEFORE UPDATE ON "public"."thing"
FOR EACH ROW WHEN ((((OLD)."is_public" IS DISTINCT FROM (NEW)."is_public") OR ((OLD)."visibility" IS DISTINCT FROM (NEW)."visibility")) AND (NOT ((NEW)."is_public" IS NOT NULL AND (((NEW)."visibility" IS NOT DISTINCT FROM CASE WHEN (NEW)."is_public" THEN 'public' WHEN ((NEW)."is_public" IS NOT NULL) THEN 'shared' END) OR ((NEW)."is_public" IS NOT DISTINCT FROM ((NEW)."visibility" IS NOT DISTINCT FROM 'public'))))))
EXECUTE FUNCTION "public"."viaduct_b_thing_visibility_upd__3fdf2e8e3f2d"();

-- viaduct_b_thing_visibility_ins, fingerprint 65a8ae9fd6e8
CREATE OR REPLACE FUNCTION "public"."viaduct_b_thing_visibility_ins__65a8ae9fd6e8"() RETURNS trigger LANGUAGE plpgsql
AS $viaduct$
BEGIN
  IF (NEW)."visibility" IS NOT NULL OR (NEW)."is_public" IS NULL THEN
    NEW."is_public" := ((NEW)."visibility" IS NOT DISTINCT FROM 'public');
  ELSE
    NEW."visibility" := CASE WHEN (NEW)."is_public" THEN 'public' WHEN ((NEW)."is_public" IS NOT NULL) THEN 'shared' END;
  END IF;
  RETURN NEW;
END;
$viaduct$;
CREATE TRIGGER "viaduct_b_thing_visibility_ins" BEFORE INSERT ON "public"."thing"
FOR EACH ROW WHEN (NOT ((NEW)."is_public" IS NOT NULL AND (((NEW)."visibility" IS NOT DISTINCT FROM CASE WHEN (NEW)."is_public" THEN 'public' WHEN ((NEW)."is_public" IS NOT NULL) THEN 'shared' END) OR (NEW)."visibility" IS NOT NULL AND ((NEW)."is_public" IS NOT DISTINCT FROM ((NEW)."visibility" IS NOT DISTINCT FROM 'public')))))
EXECUTE FUNCTION "public"."viaduct_b_thing_visibility_ins__65a8ae9fd6e8"();

-- split
-- viaduct_b_thing_socket_upd, fingerprint 88a76aaebb4d
CREATE OR REPLACE FUNCTION "public"."viaduct_b_thing_socket_upd__88a76aaebb4d"() RETURNS trigger LANGUAGE plpgsql
AS $viaduct$
BEGIN
  IF ((OLD)."address" IS DISTINCT FROM (NEW)."address") OR ((OLD)."port" IS DISTINCT FROM (NEW)."port") THEN
    NEW."socket" := CASE WHEN (length((((NEW)."address" || ':') || CAST((NEW)."port" AS TEXT))) BETWEEN 0 AND 32) THEN (((NEW)."address" || ':') || CAST((NEW)."port" AS TEXT)) END;
  ELSIF ((OLD)."socket" IS DISTINCT FROM (NEW)."socket") THEN
    NEW."address" := CASE WHEN (length(CASE WHEN strpos((NEW)."socket", ':') = 0 THEN (NEW)."socket" ELSE substr((NEW)."socket", 1, strpos((NEW)."socket", ':') - 1) END) BETWEEN 0 AND 16) THEN CASE WHEN strpos((NEW)."socket", ':') = 0 THEN (NEW)."socket" ELSE substr((NEW)."socket", 1, strpos((NEW)."socket", ':') - 1) END END;
    NEW."port" := coalesce(CASE WHEN (CASE WHEN (coalesce(CASE WHEN strpos((NEW)."socket", ':') = 0 THEN NULL ELSE substr((NEW)."socket", strpos((NEW)."socket", ':') + length(':')) END ~ '^-?[0-9]{1,18}$', false)) THEN CAST(CASE WHEN strpos((NEW)."socket", ':') = 0 THEN NULL ELSE substr((NEW)."socket", strpos((NEW)."socket", ':') + length(':')) END AS BIGINT) END BETWEEN -2147483648 AND 2147483647) THEN CASE WHEN (coalesce(CASE WHEN strpos((NEW)."socket", ':') = 0 THEN NULL ELSE substr((NEW)."socket", strpos((NEW)."socket", ':') + length(':')) END ~ '^-?[0-9]{1,18}$', false)) THEN CAST(CASE WHEN strpos((NEW)."socket", ':') = 0 THEN NULL ELSE substr((NEW)."socket", strpos((NEW)."socket", ':') + length(':')) END AS BIGINT) END END, CASE WHEN ((NEW)."socket" IS NOT NULL) THEN 0 END);
  END IF;
  RETURN NEW;
END;
$viaduct$;
CREATE TRIGGER "viaduct_b_thing_socket_upd" BEFORE UPDATE ON "public"."thing"
FOR EACH ROW WHEN ((((OLD)."socket" IS DISTINCT FROM (NEW)."socket") OR ((OLD)."address" IS DISTINCT FROM (NEW)."address") OR ((OLD)."port" IS DISTINCT FROM (NEW)."port")) AND (NOT (((NEW)."address" IS NOT DISTINCT FROM CASE WHEN (length(CASE WHEN strpos((NEW)."socket", ':') = 0 THEN (NEW)."socket" ELSE substr((NEW)."socket", 1, strpos((NEW)."socket", ':') - 1) END) BETWEEN 0 AND 16) THEN CASE WHEN strpos((NEW)."socket", ':') = 0 THEN (NEW)."socket" ELSE substr((NEW)."socket", 1, strpos((NEW)."socket", ':') - 1) END END) AND ((NEW)."port" IS NOT DISTINCT FROM coalesce(CASE WHEN (CASE WHEN (coalesce(CASE WHEN strpos((NEW)."socket", ':') = 0 THEN NULL ELSE substr((NEW)."socket", strpos((NEW)."socket", ':') + length(':')) END ~ '^-?[0-9]{1,18}$', false)) THEN CAST(CASE WHEN strpos((NEW)."socket", ':') = 0 THEN NULL ELSE substr((NEW)."socket", strpos((NEW)."socket", ':') + length(':')) END AS BIGINT) END BETWEEN -2147483648 AND 2147483647) THEN CASE WHEN (coalesce(CASE WHEN strpos((NEW)."socket", ':') = 0 THEN NULL ELSE substr((NEW)."socket", strpos((NEW)."socket", ':') + length(':')) END ~ '^-?[0-9]{1,18}$', false)) THEN CAST(CASE WHEN strpos((NEW)."socket", ':') = 0 THEN NULL ELSE substr((NEW)."socket", strpos((NEW)."socket", ':') + length(':')) END AS BIGINT) END END, CASE WHEN ((NEW)."socket" IS NOT NULL) THEN 0 END)) OR ((NEW)."socket" IS NOT DISTINCT FROM CASE WHEN (length((((NEW)."address" || ':') || CAST((NEW)."port" AS TEXT))) BETWEEN 0 AND 32) THEN (((NEW)."address" || ':') || CAST((NEW)."port" AS TEXT)) END))))
EXECUTE FUNCTION "public"."viaduct_b_thing_socket_upd__88a76aaebb4d"();

-- viaduct_b_thing_socket_ins, fingerprint 1c3c443c293d
CREATE OR REPLACE FUNCTION "public"."viaduct_b_thing_socket_ins__1c3c443c293d"() RETURNS trigger LANGUAGE plpgsql
AS $viaduct$
BEGIN
  IF (NEW)."address" IS NOT NULL OR (NEW)."port" IS NOT NULL THEN
    NEW."socket" := CASE WHEN (length((((NEW)."address" || ':') || CAST((NEW)."port" AS TEXT))) BETWEEN 0 AND 32) THEN (((NEW)."address" || ':') || CAST((NEW)."port" AS TEXT)) END;
  ELSE
    NEW."address" := CASE WHEN (length(CASE WHEN strpos((NEW)."socket", ':') = 0 THEN (NEW)."socket" ELSE substr((NEW)."socket", 1, strpos((NEW)."socket", ':') - 1) END) BETWEEN 0 AND 16) THEN CASE WHEN strpos((NEW)."socket", ':') = 0 THEN (NEW)."socket" ELSE substr((NEW)."socket", 1, strpos((NEW)."socket", ':') - 1) END END;
    NEW."port" := coalesce(CASE WHEN (CASE WHEN (coalesce(CASE WHEN strpos((NEW)."socket", ':') = 0 THEN NULL ELSE substr((NEW)."socket", strpos((NEW)."socket", ':') + length(':')) END ~ '^-?[0-9]{1,18}$', false)) THEN CAST(CASE WHEN strpos((NEW)."socket", ':') = 0 THEN NULL ELSE substr((NEW)."socket", strpos((NEW)."socket", ':') + length(':')) END AS BIGINT) END BETWEEN -2147483648 AND 2147483647) THEN CASE WHEN (coalesce(CASE WHEN strpos((NEW)."socket", ':') = 0 THEN NULL ELSE substr((NEW)."socket", strpos((NEW)."socket", ':') + length(':')) END ~ '^-?[0-9]{1,18}$', false)) THEN CAST(CASE WHEN strpos((NEW)."socket", ':') = 0 THEN NULL ELSE substr((NEW)."socket", strpos((NEW)."socket", ':') + length(':')) END AS BIGINT) END END, CASE WHEN ((NEW)."socket" IS NOT NULL) THEN 0 END);
  END IF;
  RETURN NEW;
END;
$viaduct$;
CREATE TRIGGER "viaduct_b_thing_socket_ins" BEFORE INSERT ON "public"."thing"
FOR EACH ROW WHEN (NOT (((NEW)."address" IS NOT DISTINCT FROM CASE WHEN (length(CASE WHEN strpos((NEW)."socket", ':') = 0 THEN (NEW)."socket" ELSE substr((NEW)."socket", 1, strpos((NEW)."socket", ':') - 1) END) BETWEEN 0 AND 16) THEN CASE WHEN strpos((NEW)."socket", ':') = 0 THEN (NEW)."socket" ELSE substr((NEW)."socket", 1, strpos((NEW)."socket", ':') - 1) END END) AND ((NEW)."port" IS NOT DISTINCT FROM coalesce(CASE WHEN (CASE WHEN (coalesce(CASE WHEN strpos((NEW)."socket", ':') = 0 THEN NULL ELSE substr((NEW)."socket", strpos((NEW)."socket", ':') + length(':')) END ~ '^-?[0-9]{1,18}$', false)) THEN CAST(CASE WHEN strpos((NEW)."socket", ':') = 0 THEN NULL ELSE substr((NEW)."socket", strpos((NEW)."socket", ':') + length(':')) END AS BIGINT) END BETWEEN -2147483648 AND 2147483647) THEN CASE WHEN (coalesce(CASE WHEN strpos((NEW)."socket", ':') = 0 THEN NULL ELSE substr((NEW)."socket", strpos((NEW)."socket", ':') + length(':')) END ~ '^-?[0-9]{1,18}$', false)) THEN CAST(CASE WHEN strpos((NEW)."socket", ':') = 0 THEN NULL ELSE substr((NEW)."socket", strpos((NEW)."socket", ':') + length(':')) END AS BIGINT) END END, CASE WHEN ((NEW)."socket" IS NOT NULL) THEN 0 END)) OR ((NEW)."address" IS NOT NULL OR (NEW)."port" IS NOT NULL) AND ((NEW)."socket" IS NOT DISTINCT FROM CASE WHEN (length((((NEW)."address" || ':') || CAST((NEW)."port" AS TEXT))) BETWEEN 0 AND 32) THEN (((NEW)."address" || ':') || CAST((NEW)."port" AS TEXT)) END)))
EXECUTE FUNCTION "public"."viaduct_b_thing_socket_ins__1c3c443c293d"();

-- merge
-- viaduct_b_thing_name_upd, fingerprint e765d64d4dd3
CREATE OR REPLACE FUNCTION "public"."viaduct_b_thing_name_upd__e765d64d4dd3"() RETURNS trigger LANGUAGE plpgsql
AS $viaduct$
BEGIN
  IF ((OLD)."name" IS DISTINCT FROM (NEW)."name") THEN
    NEW."first" := CASE WHEN (length(CASE WHEN strpos((NEW)."name", ' ') = 0 THEN (NEW)."name" ELSE substr((NEW)."name", 1, strpos((NEW)."name", ' ') - 1) END) BETWEEN 0 AND 16) THEN CASE WHEN strpos((NEW)."name", ' ') = 0 THEN (NEW)."name" ELSE substr((NEW)."name", 1, strpos((NEW)."name", ' ') - 1) END END;
    NEW."last" := CASE WHEN (length(CASE WHEN strpos((NEW)."name", ' ') = 0 THEN NULL ELSE substr((NEW)."name", strpos((NEW)."name", ' ') + length(' ')) END) BETWEEN 0 AND 16) THEN CASE WHEN strpos((NEW)."name", ' ') = 0 THEN NULL ELSE substr((NEW)."name", strpos((NEW)."name", ' ') + length(' ')) END END;
  ELSIF ((OLD)."first" IS DISTINCT FROM (NEW)."first") OR ((OLD)."last" IS DISTINCT FROM (NEW)."last") THEN
    NEW."name" := CASE WHEN (length(CASE WHEN ((NEW)."last" IS NULL) THEN (NEW)."first" ELSE (((NEW)."first" || ' ') || (NEW)."last") END) BETWEEN 0 AND 40) THEN CASE WHEN ((NEW)."last" IS NULL) THEN (NEW)."first" ELSE (((NEW)."first" || ' ') || (NEW)."last") END END;
  END IF;
  RETURN NEW;
END;
$viaduct$;
CREATE TRIGGER "viaduct_b_thing_name_upd" BEFORE UPDATE ON "public"."thing"
FOR EACH ROW WHEN ((((OLD)."first" IS DISTINCT FROM (NEW)."first") OR ((OLD)."last" IS DISTINCT FROM (NEW)."last") OR ((OLD)."name" IS DISTINCT FROM (NEW)."name")) AND (NOT (((NEW)."name" IS NOT DISTINCT FROM CASE WHEN (length(CASE WHEN ((NEW)."last" IS NULL) THEN (NEW)."first" ELSE (((NEW)."first" || ' ') || (NEW)."last") END) BETWEEN 0 AND 40) THEN CASE WHEN ((NEW)."last" IS NULL) THEN (NEW)."first" ELSE (((NEW)."first" || ' ') || (NEW)."last") END END) OR ((NEW)."first" IS NOT DISTINCT FROM CASE WHEN (length(CASE WHEN strpos((NEW)."name", ' ') = 0 THEN (NEW)."name" ELSE substr((NEW)."name", 1, strpos((NEW)."name", ' ') - 1) END) BETWEEN 0 AND 16) THEN CASE WHEN strpos((NEW)."name", ' ') = 0 THEN (NEW)."name" ELSE substr((NEW)."name", 1, strpos((NEW)."name", ' ') - 1) END END) AND ((NEW)."last" IS NOT DISTINCT FROM CASE WHEN (length(CASE WHEN strpos((NEW)."name", ' ') = 0 THEN NULL ELSE substr((NEW)."name", strpos((NEW)."name", ' ') + length(' ')) END) BETWEEN 0 AND 16) THEN CASE WHEN strpos((NEW)."name", ' ') = 0 THEN NULL ELSE substr((NEW)."name", strpos((NEW)."name", ' ') + length(' ')) END END))))
EXECUTE FUNCTION "public"."viaduct_b_thing_name_upd__e765d64d4dd3"();

-- viaduct_b_thing_name_ins, fingerprint fcb477c75096
CREATE OR REPLACE FUNCTION "public"."viaduct_b_thing_name_ins__fcb477c75096"() RETURNS trigger LANGUAGE plpgsql
AS $viaduct$
BEGIN
  IF (NEW)."name" IS NOT NULL THEN
    NEW."first" := CASE WHEN (length(CASE WHEN strpos((NEW)."name", ' ') = 0 THEN (NEW)."name" ELSE substr((NEW)."name", 1, strpos((NEW)."name", ' ') - 1) END) BETWEEN 0 AND 16) THEN CASE WHEN strpos((NEW)."name", ' ') = 0 THEN (NEW)."name" ELSE substr((NEW)."name", 1, strpos((NEW)."name", ' ') - 1) END END;
    NEW."last" := CASE WHEN (length(CASE WHEN strpos((NEW)."name", ' ') = 0 THEN NULL ELSE substr((NEW)."name", strpos((NEW)."name", ' ') + length(' ')) END) BETWEEN 0 AND 16) THEN CASE WHEN strpos((NEW)."name", ' ') = 0 THEN NULL ELSE substr((NEW)."name", strpos((NEW)."name", ' ') + length(' ')) END END;
  ELSE
    NEW."name" := CASE WHEN (length(CASE WHEN ((NEW)."last" IS NULL) THEN (NEW)."first" ELSE (((NEW)."first" || ' ') || (NEW)."last") END) BETWEEN 0 AND 40) THEN CASE WHEN ((NEW)."last" IS NULL) THEN (NEW)."first" ELSE (((NEW)."first" || ' ') || (NEW)."last") END END;
  END IF;
  RETURN NEW;
END;
$viaduct$;
CREATE TRIGGER "viaduct_b_thing_name_ins" BEFORE INSERT ON "public"."thing"
FOR EACH ROW WHEN (NOT (((NEW)."name" IS NOT DISTINCT FROM CASE WHEN (length(CASE WHEN ((NEW)."last" IS NULL) THEN (NEW)."first" ELSE (((NEW)."first" || ' ') || (NEW)."last") END) BETWEEN 0 AND 40) THEN CASE WHEN ((NEW)."last" IS NULL) THEN (NEW)."first" ELSE (((NEW)."first" || ' ') || (NEW)."last") END END) OR (NEW)."name" IS NOT NULL AND ((NEW)."first" IS NOT DISTINCT FROM CASE WHEN (length(CASE WHEN strpos((NEW)."name", ' ') = 0 THEN (NEW)."name" ELSE substr((NEW)."name", 1, strpos((NEW)."name", ' ') - 1) END) BETWEEN 0 AND 16) THEN CASE WHEN strpos((NEW)."name", ' ') = 0 THEN (NEW)."name" ELSE substr((NEW)."name", 1, strpos((NEW)."name", ' ') - 1) END END) AND ((NEW)."last" IS NOT DISTINCT FROM CASE WHEN (length(CASE WHEN strpos((NEW)."name", ' ') = 0 THEN NULL ELSE substr((NEW)."name", strpos((NEW)."name", ' ') + length(' ')) END) BETWEEN 0 AND 16) THEN CASE WHEN strpos((NEW)."name", ' ') = 0 THEN NULL ELSE substr((NEW)."name", strpos((NEW)."name", ' ') + length(' ')) END END)))
EXECUTE FUNCTION "public"."viaduct_b_thing_name_ins__fcb477c75096"();

-- transform, enumerations
-- viaduct_b_thing_listed_upd, fingerprint c4539eb16f28
CREATE OR REPLACE FUNCTION "public"."viaduct_b_thing_listed_upd__c4539eb16f28"() RETURNS trigger LANGUAGE plpgsql
AS $viaduct$
BEGIN
  IF ((OLD)."visibility" IS DISTINCT FROM (NEW)."visibility") OR ((OLD)."rank" IS DISTINCT FROM (NEW)."rank") OR (NEW)."is_public" IS NULL THEN
    NEW."is_public" := (CAST((NEW)."visibility" AS TEXT) IS NOT DISTINCT FROM 'public');
    NEW."level" := CAST(CASE (NEW)."rank" WHEN 1 THEN 'low' WHEN 2 THEN 'high' WHEN 3 THEN NULL END AS "public"."thing_level_type");
  ELSIF ((OLD)."is_public" IS DISTINCT FROM (NEW)."is_public") OR ((OLD)."level" IS DISTINCT FROM (NEW)."level") THEN
    NEW."visibility" := CAST(CASE WHEN (NEW)."is_public" THEN 'public' WHEN ((NEW)."is_public" IS NOT NULL) THEN 'shared' END AS "public"."thing_visibility_type");
    NEW."rank" := CASE WHEN (CAST((NEW)."level" AS TEXT) IS NOT DISTINCT FROM 'low') THEN 1 WHEN (CAST((NEW)."level" AS TEXT) IS NOT DISTINCT FROM 'high') THEN 2 END;
  END IF;
  RETURN NEW;
END;
$viaduct$;
CREATE TRIGGER "viaduct_b_thing_listed_upd" BEFORE UPDATE ON "public"."thing"
FOR EACH ROW WHEN ((((OLD)."is_public" IS DISTINCT FROM (NEW)."is_public") OR ((OLD)."level" IS DISTINCT FROM (NEW)."level") OR ((OLD)."visibility" IS DISTINCT FROM (NEW)."visibility") OR ((OLD)."rank" IS DISTINCT FROM (NEW)."rank")) AND (NOT ((NEW)."is_public" IS NOT NULL AND ((CAST((NEW)."visibility" AS TEXT) IS NOT DISTINCT FROM CASE WHEN (NEW)."is_public" THEN 'public' WHEN ((NEW)."is_public" IS NOT NULL) THEN 'shared' END) AND ((NEW)."rank" IS NOT DISTINCT FROM CASE WHEN (CAST((NEW)."level" AS TEXT) IS NOT DISTINCT FROM 'low') THEN 1 WHEN (CAST((NEW)."level" AS TEXT) IS NOT DISTINCT FROM 'high') THEN 2 END) OR ((NEW)."is_public" IS NOT DISTINCT FROM (CAST((NEW)."visibility" AS TEXT) IS NOT DISTINCT FROM 'public')) AND (CAST((NEW)."level" AS TEXT) IS NOT DISTINCT FROM CASE (NEW)."rank" WHEN 1 THEN 'low' WHEN 2 THEN 'high' WHEN 3 THEN NULL END)))))
EXECUTE FUNCTION "public"."viaduct_b_thing_listed_upd__c4539eb16f28"();

-- viaduct_b_thing_listed_ins, fingerprint 5e44dc2f1ddf
CREATE OR REPLACE FUNCTION "public"."viaduct_b_thing_listed_ins__5e44dc2f1ddf"() RETURNS trigger LANGUAGE plpgsql
AS $viaduct$
BEGIN
  IF CAST((NEW)."visibility" AS TEXT) IS NOT NULL OR (NEW)."rank" IS NOT NULL OR (NEW)."is_public" IS NULL THEN
    NEW."is_public" := (CAST((NEW)."visibility" AS TEXT) IS NOT DISTINCT FROM 'public');
    NEW."level" := CAST(CASE (NEW)."rank" WHEN 1 THEN 'low' WHEN 2 THEN 'high' WHEN 3 THEN NULL END AS "public"."thing_level_type");
  ELSE
    NEW."visibility" := CAST(CASE WHEN (NEW)."is_public" THEN 'public' WHEN ((NEW)."is_public" IS NOT NULL) THEN 'shared' END AS "public"."thing_visibility_type");
    NEW."rank" := CASE WHEN (CAST((NEW)."level" AS TEXT) IS NOT DISTINCT FROM 'low') THEN 1 WHEN (CAST((NEW)."level" AS TEXT) IS NOT DISTINCT FROM 'high') THEN 2 END;
  END IF;
  RETURN NEW;
END;
$viaduct$;
CREATE TRIGGER "viaduct_b_thing_listed_ins" BEFORE INSERT ON "public"."thing"
FOR EACH ROW WHEN (NOT ((NEW)."is_public" IS NOT NULL AND ((CAST((NEW)."visibility" AS TEXT) IS NOT DISTINCT FROM CASE WHEN (NEW)."is_public" THEN 'public' WHEN ((NEW)."is_public" IS NOT NULL) THEN 'shared' END) AND ((NEW)."rank" IS NOT DISTINCT FROM CASE WHEN (CAST((NEW)."level" AS TEXT) IS NOT DISTINCT FROM 'low') THEN 1 WHEN (CAST((NEW)."level" AS TEXT) IS NOT DISTINCT FROM 'high') THEN 2 END) OR (CAST((NEW)."visibility" AS TEXT) IS NOT NULL OR (NEW)."rank" IS NOT NULL) AND ((NEW)."is_public" IS NOT DISTINCT FROM (CAST((NEW)."visibility" AS TEXT) IS NOT DISTINCT FROM 'public')) AND (CAST((NEW)."level" AS TEXT) IS NOT DISTINCT FROM CASE (NEW)."rank" WHEN 1 THEN 'low' WHEN 2 THEN 'high' WHEN 3 THEN NULL END))))
EXECUTE FUNCTION "public"."viaduct_b_thing_listed_ins__5e44dc2f1ddf"();

-- change type, moments
-- viaduct_b_thing_created_upd, fingerprint 748b7f47bf56
CREATE OR REPLACE FUNCTION "public"."viaduct_b_thing_created_upd__748b7f47bf56"() RETURNS trigger LANGUAGE plpgsql
AS $viaduct$
BEGIN
  IF ((OLD)."created_at_int" IS DISTINCT FROM (NEW)."created_at_int") THEN
    NEW."created_at" := (CASE WHEN (NEW)."created_at_int" BETWEEN -30610224000000000 AND 253402300799999999 THEN TIMESTAMP '1970-01-01 00:00:00' + CAST(div((NEW)."created_at_int", 86400000000) AS INTEGER) * INTERVAL '1 day' + mod((NEW)."created_at_int", 86400000000) * INTERVAL '1 microsecond' END);
  ELSIF ((OLD)."created_at" IS DISTINCT FROM (NEW)."created_at") THEN
    NEW."created_at_int" := (CASE WHEN (NEW)."created_at" BETWEEN TIMESTAMP '1000-01-01 00:00:00' AND TIMESTAMP '9999-12-31 23:59:59.999999' THEN CAST(EXTRACT(EPOCH FROM date_trunc('second', (NEW)."created_at")) AS BIGINT) * 1000000 + mod(CAST(EXTRACT(MICROSECONDS FROM (NEW)."created_at") AS BIGINT), 1000000) END);
  END IF;
  RETURN NEW;
END;
$viaduct$;
CREATE TRIGGER "viaduct_b_thing_created_upd" BEFORE UPDATE ON "public"."thing"
FOR EACH ROW WHEN ((((OLD)."created_at" IS DISTINCT FROM (NEW)."created_at") OR ((OLD)."created_at_int" IS DISTINCT FROM (NEW)."created_at_int")) AND (NOT (((NEW)."created_at_int" IS NOT DISTINCT FROM (CASE WHEN (NEW)."created_at" BETWEEN TIMESTAMP '1000-01-01 00:00:00' AND TIMESTAMP '9999-12-31 23:59:59.999999' THEN CAST(EXTRACT(EPOCH FROM date_trunc('second', (NEW)."created_at")) AS BIGINT) * 1000000 + mod(CAST(EXTRACT(MICROSECONDS FROM (NEW)."created_at") AS BIGINT), 1000000) END)) OR ((NEW)."created_at" IS NOT DISTINCT FROM (CASE WHEN (NEW)."created_at_int" BETWEEN -30610224000000000 AND 253402300799999999 THEN TIMESTAMP '1970-01-01 00:00:00' + CAST(div((NEW)."created_at_int", 86400000000) AS INTEGER) * INTERVAL '1 day' + mod((NEW)."created_at_int", 86400000000) * INTERVAL '1 microsecond' END)))))
EXECUTE FUNCTION "public"."viaduct_b_thing_created_upd__748b7f47bf56"();

-- viaduct_b_thing_created_ins, fingerprint db462f43a390
CREATE OR REPLACE FUNCTION "public"."viaduct_b_thing_created_ins__db462f43a390"() RETURNS trigger LANGUAGE plpgsql
AS $viaduct$
BEGIN
  IF (NEW)."created_at_int" IS NOT NULL THEN
    NEW."created_at" := (CASE WHEN (NEW)."created_at_int" BETWEEN -30610224000000000 AND 253402300799999999 THEN TIMESTAMP '1970-01-01 00:00:00' + CAST(div((NEW)."created_at_int", 86400000000) AS INTEGER) * INTERVAL '1 day' + mod((NEW)."created_at_int", 86400000000) * INTERVAL '1 microsecond' END);
  ELSE
    NEW."created_at_int" := (CASE WHEN (NEW)."created_at" BETWEEN TIMESTAMP '1000-01-01 00:00:00' AND TIMESTAMP '9999-12-31 23:59:59.999999' THEN CAST(EXTRACT(EPOCH FROM date_trunc('second', (NEW)."created_at")) AS BIGINT) * 1000000 + mod(CAST(EXTRACT(MICROSECONDS FROM (NEW)."created_at") AS BIGINT), 1000000) END);
  END IF;
  RETURN NEW;
END;
$viaduct$;
CREATE TRIGGER "viaduct_b_thing_created_ins" BEFORE INSERT ON "public"."thing"
FOR EACH ROW WHEN (NOT (((NEW)."created_at_int" IS NOT DISTINCT FROM (CASE WHEN (NEW)."created_at" BETWEEN TIMESTAMP '1000-01-01 00:00:00' AND TIMESTAMP '9999-12-31 23:59:59.999999' THEN CAST(EXTRACT(EPOCH FROM date_trunc('second', (NEW)."created_at")) AS BIGINT) * 1000000 + mod(CAST(EXTRACT(MICROSECONDS FROM (NEW)."created_at") AS BIGINT), 1000000) END)) OR (NEW)."created_at_int" IS NOT NULL AND ((NEW)."created_at" IS NOT DISTINCT FROM (CASE WHEN (NEW)."created_at_int" BETWEEN -30610224000000000 AND 253402300799999999 THEN TIMESTAMP '1970-01-01 00:00:00' + CAST(div((NEW)."created_at_int", 86400000000) AS INTEGER) * INTERVAL '1 day' + mod((NEW)."created_at_int", 86400000000) * INTERVAL '1 microsecond' END))))
EXECUTE FUNCTION "public"."viaduct_b_thing_created_ins__db462f43a390"();

-- add column, computed
-- viaduct_b_thing_port_number_upd, fingerprint 9091da37cdbd
CREATE OR REPLACE FUNCTION "public"."viaduct_b_thing_port_number_upd__9091da37cdbd"() RETURNS trigger LANGUAGE plpgsql
AS $viaduct$
BEGIN
  IF NOT ((OLD)."port_number" IS DISTINCT FROM (NEW)."port_number") AND ((OLD)."port" IS DISTINCT FROM (NEW)."port") THEN
    NEW."port_number" := coalesce(CASE WHEN (CASE WHEN (coalesce((NEW)."port" ~ '^-?[0-9]{1,18}$', false)) THEN CAST((NEW)."port" AS BIGINT) END BETWEEN -2147483648 AND 2147483647) THEN CASE WHEN (coalesce((NEW)."port" ~ '^-?[0-9]{1,18}$', false)) THEN CAST((NEW)."port" AS BIGINT) END END, -1);
  END IF;
  RETURN NEW;
END;
$viaduct$;
CREATE TRIGGER "viaduct_b_thing_port_number_upd" BEFORE UPDATE ON "public"."thing"
FOR EACH ROW WHEN ((((OLD)."port" IS DISTINCT FROM (NEW)."port")) AND (NOT ((NEW)."port_number" IS NOT DISTINCT FROM coalesce(CASE WHEN (CASE WHEN (coalesce((NEW)."port" ~ '^-?[0-9]{1,18}$', false)) THEN CAST((NEW)."port" AS BIGINT) END BETWEEN -2147483648 AND 2147483647) THEN CASE WHEN (coalesce((NEW)."port" ~ '^-?[0-9]{1,18}$', false)) THEN CAST((NEW)."port" AS BIGINT) END END, -1))))
EXECUTE FUNCTION "public"."viaduct_b_thing_port_number_upd__9091da37cdbd"();

-- viaduct_b_thing_port_number_ins, fingerprint 4de5103c58f0
CREATE OR REPLACE FUNCTION "public"."viaduct_b_thing_port_number_ins__4de5103c58f0"() RETURNS trigger LANGUAGE plpgsql
AS $viaduct$
BEGIN
  IF (NEW)."port_number" IS NULL THEN
    NEW."port_number" := coalesce(CASE WHEN (CASE WHEN (coalesce((NEW)."port" ~ '^-?[0-9]{1,18}$', false)) THEN CAST((NEW)."port" AS BIGINT) END BETWEEN -2147483648 AND 2147483647) THEN CASE WHEN (coalesce((NEW)."port" ~ '^-?[0-9]{1,18}$', false)) THEN CAST((NEW)."port" AS BIGINT) END END, -1);
  END IF;
  RETURN NEW;
END;
$viaduct$;
CREATE TRIGGER "viaduct_b_thing_port_number_ins" BEFORE INSERT ON "public"."thing"
FOR EACH ROW WHEN (NOT ((NEW)."port_number" IS NOT DISTINCT FROM coalesce(CASE WHEN (CASE WHEN (coalesce((NEW)."port" ~ '^-?[0-9]{1,18}$', false)) THEN CAST((NEW)."port" AS BIGINT) END BETWEEN -2147483648 AND 2147483647) THEN CASE WHEN (coalesce((NEW)."port" ~ '^-?[0-9]{1,18}$', false)) THEN CAST((NEW)."port" AS BIGINT) END END, -1)))
EXECUTE FUNCTION "public"."viaduct_b_thing_port_number_ins__4de5103c58f0"();
