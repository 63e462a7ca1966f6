-- AddColumn
-- expand, locks: brief
ALTER TABLE "thing" ADD COLUMN "locale" VARCHAR(16) DEFAULT 'en';
-- contract, locks: brief
ALTER TABLE "thing" ADD CONSTRAINT "viaduct_b_present_locale" CHECK ("locale" IS NOT NULL) NOT VALID;
-- contract, locks: online
ALTER TABLE "thing" VALIDATE CONSTRAINT "viaduct_b_present_locale";
-- contract, locks: brief
ALTER TABLE "thing" ALTER COLUMN "locale" SET NOT NULL;
-- contract, locks: brief
ALTER TABLE "thing" DROP CONSTRAINT IF EXISTS "viaduct_b_present_locale";
-- rollback, locks: brief
ALTER TABLE "thing" DROP COLUMN "locale";

-- AddComputedColumn
-- expand, locks: brief
ALTER TABLE "thing" ADD COLUMN "number" INTEGER;
-- expand, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_number_upd__6359b649aabd"() RETURNS trigger LANGUAGE plpgsql …;
-- expand, locks: brief
CREATE TRIGGER "viaduct_b_thing_number_upd" BEFORE UPDATE ON "thing" …;
-- expand, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_number_ins__4682e3a8578e"() RETURNS trigger LANGUAGE plpgsql …;
-- expand, locks: brief
CREATE TRIGGER "viaduct_b_thing_number_ins" BEFORE INSERT ON "thing" …;
-- contract, locks: brief
ALTER TABLE "thing" ADD CONSTRAINT "viaduct_b_present_number" CHECK ("number" IS NOT NULL) NOT VALID;
-- contract, locks: online
ALTER TABLE "thing" VALIDATE CONSTRAINT "viaduct_b_present_number";
-- contract, locks: brief
ALTER TABLE "thing" ALTER COLUMN "number" SET NOT NULL;
-- contract, locks: brief
ALTER TABLE "thing" DROP CONSTRAINT IF EXISTS "viaduct_b_present_number";
-- contract, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_number_upd"() RETURNS trigger LANGUAGE plpgsql …;
-- contract, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_number_ins"() RETURNS trigger LANGUAGE plpgsql …;
-- contract, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_number_upd" ON "thing";
-- contract, locks: none
DROP FUNCTION IF EXISTS "viaduct_b_thing_number_upd"();
-- contract, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_number_ins" ON "thing";
-- contract, locks: none
DROP FUNCTION IF EXISTS "viaduct_b_thing_number_ins"();
-- rollback, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_number_upd"() RETURNS trigger LANGUAGE plpgsql …;
-- rollback, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_number_ins"() RETURNS trigger LANGUAGE plpgsql …;
-- rollback, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_number_upd" ON "thing";
-- rollback, locks: none
DROP FUNCTION IF EXISTS "viaduct_b_thing_number_upd"();
-- rollback, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_number_ins" ON "thing";
-- rollback, locks: none
DROP FUNCTION IF EXISTS "viaduct_b_thing_number_ins"();
-- rollback, locks: brief
ALTER TABLE "thing" DROP COLUMN "number";

-- DropColumn
-- expand, locks: brief
ALTER TABLE "thing" ALTER COLUMN "name" SET DEFAULT '';
-- contract, locks: brief
ALTER TABLE "thing" DROP COLUMN "name";
-- rollback, locks: brief
ALTER TABLE "thing" ALTER COLUMN "name" SET DEFAULT NULL;

-- RenameColumn
-- expand, locks: brief
ALTER TABLE "thing" ADD COLUMN "title" VARCHAR(16);
-- expand, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_title_upd__e4eadb31a412"() RETURNS trigger LANGUAGE plpgsql …;
-- expand, locks: brief
CREATE TRIGGER "viaduct_b_thing_title_upd" BEFORE UPDATE ON "thing" …;
-- expand, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_title_ins__8bb53937dd17"() RETURNS trigger LANGUAGE plpgsql …;
-- expand, locks: brief
CREATE TRIGGER "viaduct_b_thing_title_ins" BEFORE INSERT ON "thing" …;
-- expand, locks: online
DROP INDEX CONCURRENTLY IF EXISTS "thing_title_idx";
CREATE INDEX CONCURRENTLY "thing_title_idx" ON "thing" ("title");
-- expand, locks: brief
ALTER TABLE "thing" ADD CONSTRAINT "thing_title_fk" FOREIGN KEY ("title") REFERENCES "person" ("name") ON DELETE CASCADE NOT VALID;
-- expand, locks: online
ALTER TABLE "thing" VALIDATE CONSTRAINT "thing_title_fk";
-- contract, locks: brief
ALTER TABLE "thing" DROP CONSTRAINT IF EXISTS "thing_name_fk";
-- contract, locks: online
DROP INDEX CONCURRENTLY IF EXISTS "thing_name_idx";
-- contract, locks: brief
ALTER TABLE "thing" ALTER COLUMN "name" SET DEFAULT '';
-- contract, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_title_upd"() RETURNS trigger LANGUAGE plpgsql …;
-- contract, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_title_ins"() RETURNS trigger LANGUAGE plpgsql …;
-- contract, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_title_upd" ON "thing";
-- contract, locks: none
DROP FUNCTION IF EXISTS "viaduct_b_thing_title_upd"();
-- contract, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_title_ins" ON "thing";
-- contract, locks: none
DROP FUNCTION IF EXISTS "viaduct_b_thing_title_ins"();
-- contract, locks: brief
ALTER TABLE "thing" ADD CONSTRAINT "viaduct_b_present_title" CHECK ("title" IS NOT NULL) NOT VALID;
-- contract, locks: online
ALTER TABLE "thing" VALIDATE CONSTRAINT "viaduct_b_present_title";
-- contract, locks: brief
ALTER TABLE "thing" ALTER COLUMN "title" SET NOT NULL;
-- contract, locks: brief
ALTER TABLE "thing" DROP CONSTRAINT IF EXISTS "viaduct_b_present_title";
-- contract, locks: brief
ALTER TABLE "thing" DROP COLUMN "name";
-- rollback, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_title_upd"() RETURNS trigger LANGUAGE plpgsql …;
-- rollback, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_title_ins"() RETURNS trigger LANGUAGE plpgsql …;
-- rollback, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_title_upd" ON "thing";
-- rollback, locks: none
DROP FUNCTION IF EXISTS "viaduct_b_thing_title_upd"();
-- rollback, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_title_ins" ON "thing";
-- rollback, locks: none
DROP FUNCTION IF EXISTS "viaduct_b_thing_title_ins"();
-- rollback, locks: brief
ALTER TABLE "thing" DROP CONSTRAINT IF EXISTS "thing_title_fk";
-- rollback, locks: online
DROP INDEX CONCURRENTLY IF EXISTS "thing_title_idx";
-- rollback, locks: brief
ALTER TABLE "thing" DROP COLUMN "title";

-- ReplaceColumns
-- expand, locks: brief
ALTER TABLE "thing" ADD COLUMN "port_number" INTEGER;
-- expand, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_port_upd__89e04b40bd6c"() RETURNS trigger LANGUAGE plpgsql …;
-- expand, locks: brief
CREATE TRIGGER "viaduct_b_thing_port_upd" BEFORE UPDATE ON "thing" …;
-- expand, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_port_ins__602c2916c309"() RETURNS trigger LANGUAGE plpgsql …;
-- expand, locks: brief
CREATE TRIGGER "viaduct_b_thing_port_ins" BEFORE INSERT ON "thing" …;
-- contract, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_port_upd"() RETURNS trigger LANGUAGE plpgsql …;
-- contract, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_port_ins"() RETURNS trigger LANGUAGE plpgsql …;
-- contract, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_port_upd" ON "thing";
-- contract, locks: none
DROP FUNCTION IF EXISTS "viaduct_b_thing_port_upd"();
-- contract, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_port_ins" ON "thing";
-- contract, locks: none
DROP FUNCTION IF EXISTS "viaduct_b_thing_port_ins"();
-- contract, locks: brief
ALTER TABLE "thing" DROP COLUMN "port";
-- rollback, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_port_upd"() RETURNS trigger LANGUAGE plpgsql …;
-- rollback, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_port_ins"() RETURNS trigger LANGUAGE plpgsql …;
-- rollback, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_port_upd" ON "thing";
-- rollback, locks: none
DROP FUNCTION IF EXISTS "viaduct_b_thing_port_upd"();
-- rollback, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_port_ins" ON "thing";
-- rollback, locks: none
DROP FUNCTION IF EXISTS "viaduct_b_thing_port_ins"();
-- rollback, locks: brief
ALTER TABLE "thing" DROP COLUMN "port_number";

-- ChangeType, longer text
-- expand, locks: brief
ALTER TABLE "thing" ALTER COLUMN "name" TYPE VARCHAR(32);

-- ChangeType, more bits
-- refused: thing.size can't become Integer(bits=64) without writing the whole table anew, while all wait
-- way out: give the wider column a new name: ReplaceColumns

-- AddConstraint, check
-- contract, locks: brief
ALTER TABLE "thing" ADD CONSTRAINT "size_positive" CHECK ((coalesce("size" BETWEEN 0 AND 1000, false))) NOT VALID;
-- contract, locks: online
ALTER TABLE "thing" VALIDATE CONSTRAINT "size_positive";

-- AddConstraint, refers
-- contract, locks: brief
ALTER TABLE "thing" ADD CONSTRAINT "of_net" FOREIGN KEY ("net_id") REFERENCES "net" ("id") ON DELETE CASCADE NOT VALID;
-- contract, locks: online
ALTER TABLE "thing" VALIDATE CONSTRAINT "of_net";

-- AddConstraint, unique
-- contract, locks: online
DROP INDEX CONCURRENTLY IF EXISTS "one_each";
CREATE UNIQUE INDEX CONCURRENTLY "one_each" ON "thing" ("net_id", "port");
-- contract, locks: brief
ALTER TABLE "thing" ADD CONSTRAINT "one_each" UNIQUE USING INDEX "one_each";

-- ChangeKey
-- expand, locks: brief
ALTER TABLE "thing" ADD COLUMN "uuid" VARCHAR(32);
-- expand, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_uuid_upd__c51dd089e389"() RETURNS trigger LANGUAGE plpgsql …;
-- expand, locks: brief
CREATE TRIGGER "viaduct_b_thing_uuid_upd" BEFORE UPDATE ON "thing" …;
-- expand, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_uuid_ins__cdd7b208f613"() RETURNS trigger LANGUAGE plpgsql …;
-- expand, locks: brief
CREATE TRIGGER "viaduct_b_thing_uuid_ins" BEFORE INSERT ON "thing" …;
-- expand, locks: online
DROP INDEX CONCURRENTLY IF EXISTS "thing_uuid_key";
CREATE UNIQUE INDEX CONCURRENTLY "thing_uuid_key" ON "thing" ("uuid");
-- contract, locks: brief
ALTER TABLE "thing" ADD CONSTRAINT "viaduct_b_present_uuid" CHECK ("uuid" IS NOT NULL) NOT VALID;
-- contract, locks: online
ALTER TABLE "thing" VALIDATE CONSTRAINT "viaduct_b_present_uuid";
-- contract, locks: brief
ALTER TABLE "thing" ALTER COLUMN "uuid" SET NOT NULL;
-- contract, locks: brief
ALTER TABLE "thing" DROP CONSTRAINT IF EXISTS "viaduct_b_present_uuid";
-- contract, locks: online
DROP INDEX CONCURRENTLY IF EXISTS "thing_id_key";
CREATE UNIQUE INDEX CONCURRENTLY "thing_id_key" ON "thing" ("id");
-- contract, locks: brief
ALTER TABLE "thing" DROP CONSTRAINT "thing_pkey", ADD CONSTRAINT "thing_uuid_key" PRIMARY KEY USING INDEX "thing_uuid_key";
-- contract, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_uuid_upd"() RETURNS trigger LANGUAGE plpgsql …;
-- contract, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_uuid_ins"() RETURNS trigger LANGUAGE plpgsql …;
-- contract, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_uuid_upd" ON "thing";
-- contract, locks: none
DROP FUNCTION IF EXISTS "viaduct_b_thing_uuid_upd"();
-- contract, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_uuid_ins" ON "thing";
-- contract, locks: none
DROP FUNCTION IF EXISTS "viaduct_b_thing_uuid_ins"();
-- rollback, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_uuid_upd"() RETURNS trigger LANGUAGE plpgsql …;
-- rollback, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_uuid_ins"() RETURNS trigger LANGUAGE plpgsql …;
-- rollback, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_uuid_upd" ON "thing";
-- rollback, locks: none
DROP FUNCTION IF EXISTS "viaduct_b_thing_uuid_upd"();
-- rollback, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_uuid_ins" ON "thing";
-- rollback, locks: none
DROP FUNCTION IF EXISTS "viaduct_b_thing_uuid_ins"();
-- rollback, locks: online
DROP INDEX CONCURRENTLY IF EXISTS "thing_uuid_key";
-- rollback, locks: brief
ALTER TABLE "thing" DROP COLUMN "uuid";

-- RenameTable
-- expand, locks: brief
CREATE VIEW "item" AS SELECT * FROM "thing";
-- contract, locks: brief
DROP VIEW IF EXISTS "item"; ALTER TABLE "thing" RENAME TO "item";
-- rollback, locks: brief
DROP VIEW IF EXISTS "item";

-- DropTable
-- contract, locks: brief
DROP TABLE IF EXISTS "thing";

-- MoveColumn
-- expand, locks: brief
ALTER TABLE "net" ADD COLUMN "region" VARCHAR(16);
-- expand, locks: none
CREATE TABLE viaduct_bridge_marks ( number BIGSERIAL NOT NULL, bridge VARCHAR(64) NOT NULL, side VARCHAR(3) NOT NULL, record TEXT NOT NULL, child TEXT, PRIMARY KEY (number) );
-- expand, locks: none
CREATE INDEX viaduct_bridge_marks_record ON viaduct_bridge_marks (bridge, record);
-- expand, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_zone_c_upd__cd28c84d0cfa"() RETURNS trigger LANGUAGE plpgsql …;
-- expand, locks: brief
CREATE TRIGGER "viaduct_b_thing_zone_c_upd" AFTER UPDATE ON "thing" …;
-- expand, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_zone_p_upd__6259e8816afe"() RETURNS trigger LANGUAGE plpgsql …;
-- expand, locks: brief
CREATE TRIGGER "viaduct_b_thing_zone_p_upd" AFTER UPDATE ON "net" …;
-- expand, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_zone_c_upd_fill__5a7d72f0033a"() RETURNS trigger LANGUAGE plpgsql …;
-- expand, locks: brief
CREATE TRIGGER "viaduct_b_thing_zone_c_upd_fill" BEFORE UPDATE ON "thing" …;
-- expand, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_zone_c_ins_fill__947f3f3ee462"() RETURNS trigger LANGUAGE plpgsql …;
-- expand, locks: brief
CREATE TRIGGER "viaduct_b_thing_zone_c_ins_fill" BEFORE INSERT ON "thing" …;
-- expand, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_zone_c_ins__781e52a9e0f4"() RETURNS trigger LANGUAGE plpgsql …;
-- expand, locks: brief
CREATE TRIGGER "viaduct_b_thing_zone_c_ins" AFTER INSERT ON "thing" …;
-- expand, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_zone_p_back__d0dff4c79fb6"() RETURNS trigger LANGUAGE plpgsql …;
-- expand, locks: brief
CREATE TRIGGER "viaduct_b_thing_zone_p_back" AFTER INSERT ON "net" …;
-- contract, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_zone_c_upd"() RETURNS trigger LANGUAGE plpgsql …;
-- contract, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_zone_p_upd"() RETURNS trigger LANGUAGE plpgsql …;
-- contract, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_zone_c_upd_fill"() RETURNS trigger LANGUAGE plpgsql …;
-- contract, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_zone_c_ins_fill"() RETURNS trigger LANGUAGE plpgsql …;
-- contract, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_zone_c_ins"() RETURNS trigger LANGUAGE plpgsql …;
-- contract, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_zone_p_back"() RETURNS trigger LANGUAGE plpgsql …;
-- contract, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_c_upd" ON "thing";
-- contract, locks: none
DROP FUNCTION IF EXISTS "viaduct_b_thing_zone_c_upd"();
-- contract, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_p_upd" ON "net";
-- contract, locks: none
DROP FUNCTION IF EXISTS "viaduct_b_thing_zone_p_upd"();
-- contract, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_c_upd_fill" ON "thing";
-- contract, locks: none
DROP FUNCTION IF EXISTS "viaduct_b_thing_zone_c_upd_fill"();
-- contract, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_c_ins_fill" ON "thing";
-- contract, locks: none
DROP FUNCTION IF EXISTS "viaduct_b_thing_zone_c_ins_fill"();
-- contract, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_c_ins" ON "thing";
-- contract, locks: none
DROP FUNCTION IF EXISTS "viaduct_b_thing_zone_c_ins"();
-- contract, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_p_back" ON "net";
-- contract, locks: none
DROP FUNCTION IF EXISTS "viaduct_b_thing_zone_p_back"();
-- contract, locks: brief
ALTER TABLE "thing" DROP COLUMN "zone";
-- rollback, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_zone_c_upd"() RETURNS trigger LANGUAGE plpgsql …;
-- rollback, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_zone_p_upd"() RETURNS trigger LANGUAGE plpgsql …;
-- rollback, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_zone_c_upd_fill"() RETURNS trigger LANGUAGE plpgsql …;
-- rollback, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_zone_c_ins_fill"() RETURNS trigger LANGUAGE plpgsql …;
-- rollback, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_zone_c_ins"() RETURNS trigger LANGUAGE plpgsql …;
-- rollback, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_zone_p_back"() RETURNS trigger LANGUAGE plpgsql …;
-- rollback, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_c_upd" ON "thing";
-- rollback, locks: none
DROP FUNCTION IF EXISTS "viaduct_b_thing_zone_c_upd"();
-- rollback, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_p_upd" ON "net";
-- rollback, locks: none
DROP FUNCTION IF EXISTS "viaduct_b_thing_zone_p_upd"();
-- rollback, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_c_upd_fill" ON "thing";
-- rollback, locks: none
DROP FUNCTION IF EXISTS "viaduct_b_thing_zone_c_upd_fill"();
-- rollback, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_c_ins_fill" ON "thing";
-- rollback, locks: none
DROP FUNCTION IF EXISTS "viaduct_b_thing_zone_c_ins_fill"();
-- rollback, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_c_ins" ON "thing";
-- rollback, locks: none
DROP FUNCTION IF EXISTS "viaduct_b_thing_zone_c_ins"();
-- rollback, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_p_back" ON "net";
-- rollback, locks: none
DROP FUNCTION IF EXISTS "viaduct_b_thing_zone_p_back"();
-- rollback, locks: brief
ALTER TABLE "net" DROP COLUMN "region";

-- MoveColumn, rows made
-- expand, locks: brief
ALTER TABLE "extra" ADD COLUMN "region" VARCHAR(16);
-- expand, locks: none
CREATE TABLE viaduct_bridge_marks ( number BIGSERIAL NOT NULL, bridge VARCHAR(64) NOT NULL, side VARCHAR(3) NOT NULL, record TEXT NOT NULL, child TEXT, PRIMARY KEY (number) );
-- expand, locks: none
CREATE INDEX viaduct_bridge_marks_record ON viaduct_bridge_marks (bridge, record);
-- expand, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_zone_c_upd__e553b8e83af0"() RETURNS trigger LANGUAGE plpgsql …;
-- expand, locks: brief
CREATE TRIGGER "viaduct_b_thing_zone_c_upd" AFTER UPDATE ON "extra" …;
-- expand, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_zone_p_upd__e897837d958a"() RETURNS trigger LANGUAGE plpgsql …;
-- expand, locks: brief
CREATE TRIGGER "viaduct_b_thing_zone_p_upd" AFTER UPDATE ON "net" …;
-- expand, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_zone_c_upd_fill__f43de0731b8c"() RETURNS trigger LANGUAGE plpgsql …;
-- expand, locks: brief
CREATE TRIGGER "viaduct_b_thing_zone_c_upd_fill" BEFORE UPDATE ON "extra" …;
-- expand, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_zone_c_ins_fill__c0fca90de65b"() RETURNS trigger LANGUAGE plpgsql …;
-- expand, locks: brief
CREATE TRIGGER "viaduct_b_thing_zone_c_ins_fill" BEFORE INSERT ON "extra" …;
-- expand, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_zone_c_ins__e2396e195502"() RETURNS trigger LANGUAGE plpgsql …;
-- expand, locks: brief
CREATE TRIGGER "viaduct_b_thing_zone_c_ins" AFTER INSERT ON "extra" …;
-- expand, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_zone_p_back__e8b98030b235"() RETURNS trigger LANGUAGE plpgsql …;
-- expand, locks: brief
CREATE TRIGGER "viaduct_b_thing_zone_p_back" AFTER INSERT ON "net" …;
-- expand, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_zone_c_del__2cdb89cff1a8"() RETURNS trigger LANGUAGE plpgsql …;
-- expand, locks: brief
CREATE TRIGGER "viaduct_b_thing_zone_c_del" AFTER DELETE ON "extra" …;
-- expand, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_zone_p_ins__3e873b1c6d0d"() RETURNS trigger LANGUAGE plpgsql …;
-- expand, locks: brief
CREATE TRIGGER "viaduct_b_thing_zone_p_ins" AFTER INSERT ON "net" …;
-- contract, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_zone_c_upd"() RETURNS trigger LANGUAGE plpgsql …;
-- contract, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_zone_p_upd"() RETURNS trigger LANGUAGE plpgsql …;
-- contract, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_zone_c_upd_fill"() RETURNS trigger LANGUAGE plpgsql …;
-- contract, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_zone_c_ins_fill"() RETURNS trigger LANGUAGE plpgsql …;
-- contract, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_zone_c_ins"() RETURNS trigger LANGUAGE plpgsql …;
-- contract, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_zone_p_back"() RETURNS trigger LANGUAGE plpgsql …;
-- contract, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_zone_c_del"() RETURNS trigger LANGUAGE plpgsql …;
-- contract, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_zone_p_ins"() RETURNS trigger LANGUAGE plpgsql …;
-- contract, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_c_upd" ON "extra";
-- contract, locks: none
DROP FUNCTION IF EXISTS "viaduct_b_thing_zone_c_upd"();
-- contract, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_p_upd" ON "net";
-- contract, locks: none
DROP FUNCTION IF EXISTS "viaduct_b_thing_zone_p_upd"();
-- contract, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_c_upd_fill" ON "extra";
-- contract, locks: none
DROP FUNCTION IF EXISTS "viaduct_b_thing_zone_c_upd_fill"();
-- contract, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_c_ins_fill" ON "extra";
-- contract, locks: none
DROP FUNCTION IF EXISTS "viaduct_b_thing_zone_c_ins_fill"();
-- contract, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_c_ins" ON "extra";
-- contract, locks: none
DROP FUNCTION IF EXISTS "viaduct_b_thing_zone_c_ins"();
-- contract, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_p_back" ON "net";
-- contract, locks: none
DROP FUNCTION IF EXISTS "viaduct_b_thing_zone_p_back"();
-- contract, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_c_del" ON "extra";
-- contract, locks: none
DROP FUNCTION IF EXISTS "viaduct_b_thing_zone_c_del"();
-- contract, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_p_ins" ON "net";
-- contract, locks: none
DROP FUNCTION IF EXISTS "viaduct_b_thing_zone_p_ins"();
-- contract, locks: brief
ALTER TABLE "net" DROP COLUMN "zone";
-- rollback, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_zone_c_upd"() RETURNS trigger LANGUAGE plpgsql …;
-- rollback, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_zone_p_upd"() RETURNS trigger LANGUAGE plpgsql …;
-- rollback, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_zone_c_upd_fill"() RETURNS trigger LANGUAGE plpgsql …;
-- rollback, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_zone_c_ins_fill"() RETURNS trigger LANGUAGE plpgsql …;
-- rollback, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_zone_c_ins"() RETURNS trigger LANGUAGE plpgsql …;
-- rollback, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_zone_p_back"() RETURNS trigger LANGUAGE plpgsql …;
-- rollback, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_zone_c_del"() RETURNS trigger LANGUAGE plpgsql …;
-- rollback, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_zone_p_ins"() RETURNS trigger LANGUAGE plpgsql …;
-- rollback, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_c_upd" ON "extra";
-- rollback, locks: none
DROP FUNCTION IF EXISTS "viaduct_b_thing_zone_c_upd"();
-- rollback, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_p_upd" ON "net";
-- rollback, locks: none
DROP FUNCTION IF EXISTS "viaduct_b_thing_zone_p_upd"();
-- rollback, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_c_upd_fill" ON "extra";
-- rollback, locks: none
DROP FUNCTION IF EXISTS "viaduct_b_thing_zone_c_upd_fill"();
-- rollback, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_c_ins_fill" ON "extra";
-- rollback, locks: none
DROP FUNCTION IF EXISTS "viaduct_b_thing_zone_c_ins_fill"();
-- rollback, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_c_ins" ON "extra";
-- rollback, locks: none
DROP FUNCTION IF EXISTS "viaduct_b_thing_zone_c_ins"();
-- rollback, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_p_back" ON "net";
-- rollback, locks: none
DROP FUNCTION IF EXISTS "viaduct_b_thing_zone_p_back"();
-- rollback, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_c_del" ON "extra";
-- rollback, locks: none
DROP FUNCTION IF EXISTS "viaduct_b_thing_zone_c_del"();
-- rollback, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_p_ins" ON "net";
-- rollback, locks: none
DROP FUNCTION IF EXISTS "viaduct_b_thing_zone_p_ins"();
-- rollback, locks: brief
ALTER TABLE "extra" DROP COLUMN "region";

-- MoveColumn, one way
-- expand, locks: brief
ALTER TABLE "net" ADD COLUMN "region" VARCHAR(16);
-- expand, locks: none
CREATE TABLE viaduct_bridge_marks ( number BIGSERIAL NOT NULL, bridge VARCHAR(64) NOT NULL, side VARCHAR(3) NOT NULL, record TEXT NOT NULL, child TEXT, PRIMARY KEY (number) );
-- expand, locks: none
CREATE INDEX viaduct_bridge_marks_record ON viaduct_bridge_marks (bridge, record);
-- expand, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_zone_c_upd__706e95ad2008"() RETURNS trigger LANGUAGE plpgsql …;
-- expand, locks: brief
CREATE TRIGGER "viaduct_b_thing_zone_c_upd" AFTER UPDATE ON "thing" …;
-- expand, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_zone_c_ins__49f1635f8237"() RETURNS trigger LANGUAGE plpgsql …;
-- expand, locks: brief
CREATE TRIGGER "viaduct_b_thing_zone_c_ins" AFTER INSERT ON "thing" …;
-- expand, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_zone_p_back__d0dff4c79fb6"() RETURNS trigger LANGUAGE plpgsql …;
-- expand, locks: brief
CREATE TRIGGER "viaduct_b_thing_zone_p_back" AFTER INSERT ON "net" …;
-- contract, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_zone_c_upd"() RETURNS trigger LANGUAGE plpgsql …;
-- contract, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_zone_c_ins"() RETURNS trigger LANGUAGE plpgsql …;
-- contract, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_zone_p_back"() RETURNS trigger LANGUAGE plpgsql …;
-- contract, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_c_upd" ON "thing";
-- contract, locks: none
DROP FUNCTION IF EXISTS "viaduct_b_thing_zone_c_upd"();
-- contract, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_c_ins" ON "thing";
-- contract, locks: none
DROP FUNCTION IF EXISTS "viaduct_b_thing_zone_c_ins"();
-- contract, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_p_back" ON "net";
-- contract, locks: none
DROP FUNCTION IF EXISTS "viaduct_b_thing_zone_p_back"();
-- contract, locks: brief
ALTER TABLE "thing" DROP COLUMN "zone";
-- rollback, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_zone_c_upd"() RETURNS trigger LANGUAGE plpgsql …;
-- rollback, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_zone_c_ins"() RETURNS trigger LANGUAGE plpgsql …;
-- rollback, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_zone_p_back"() RETURNS trigger LANGUAGE plpgsql …;
-- rollback, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_c_upd" ON "thing";
-- rollback, locks: none
DROP FUNCTION IF EXISTS "viaduct_b_thing_zone_c_upd"();
-- rollback, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_c_ins" ON "thing";
-- rollback, locks: none
DROP FUNCTION IF EXISTS "viaduct_b_thing_zone_c_ins"();
-- rollback, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_p_back" ON "net";
-- rollback, locks: none
DROP FUNCTION IF EXISTS "viaduct_b_thing_zone_p_back"();
-- rollback, locks: brief
ALTER TABLE "net" DROP COLUMN "region";

-- ComputeColumns
-- expand, locks: brief
ALTER TABLE "thing" ALTER COLUMN "secret" DROP NOT NULL;
-- expand, locks: brief
ALTER TABLE "thing" ADD COLUMN "sealed" TEXT;
-- expand, locks: brief
ALTER TABLE "thing" ADD COLUMN "key_hash" VARCHAR(64);
-- expand, locks: none
CREATE TABLE viaduct_bridge_marks ( number BIGSERIAL NOT NULL, bridge VARCHAR(64) NOT NULL, side VARCHAR(3) NOT NULL, record TEXT NOT NULL, child TEXT, PRIMARY KEY (number) );
-- expand, locks: none
CREATE INDEX viaduct_bridge_marks_record ON viaduct_bridge_marks (bridge, record);
-- expand, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_seal_upd__18afb9503527"() RETURNS trigger LANGUAGE plpgsql …;
-- expand, locks: brief
CREATE TRIGGER "viaduct_b_thing_seal_upd" AFTER UPDATE ON "thing" …;
-- expand, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_seal_ins__2b76806acb27"() RETURNS trigger LANGUAGE plpgsql …;
-- expand, locks: brief
CREATE TRIGGER "viaduct_b_thing_seal_ins" AFTER INSERT ON "thing" …;
-- contract, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_seal_upd"() RETURNS trigger LANGUAGE plpgsql …;
-- contract, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_seal_ins"() RETURNS trigger LANGUAGE plpgsql …;
-- contract, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_seal_upd" ON "thing";
-- contract, locks: none
DROP FUNCTION IF EXISTS "viaduct_b_thing_seal_upd"();
-- contract, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_seal_ins" ON "thing";
-- contract, locks: none
DROP FUNCTION IF EXISTS "viaduct_b_thing_seal_ins"();
-- contract, locks: brief
ALTER TABLE "thing" DROP COLUMN "secret";
-- rollback, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_seal_upd"() RETURNS trigger LANGUAGE plpgsql …;
-- rollback, locks: none
CREATE OR REPLACE FUNCTION "viaduct_b_thing_seal_ins"() RETURNS trigger LANGUAGE plpgsql …;
-- rollback, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_seal_upd" ON "thing";
-- rollback, locks: none
DROP FUNCTION IF EXISTS "viaduct_b_thing_seal_upd"();
-- rollback, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_seal_ins" ON "thing";
-- rollback, locks: none
DROP FUNCTION IF EXISTS "viaduct_b_thing_seal_ins"();
-- rollback, locks: brief
ALTER TABLE "thing" DROP COLUMN "sealed";
-- rollback, locks: brief
ALTER TABLE "thing" DROP COLUMN "key_hash";
-- rollback, locks: brief
ALTER TABLE "thing" ADD CONSTRAINT "viaduct_b_present_secret" CHECK ("secret" IS NOT NULL) NOT VALID;
-- rollback, locks: online
ALTER TABLE "thing" VALIDATE CONSTRAINT "viaduct_b_present_secret";
-- rollback, locks: brief
ALTER TABLE "thing" ALTER COLUMN "secret" SET NOT NULL;
-- rollback, locks: brief
ALTER TABLE "thing" DROP CONSTRAINT IF EXISTS "viaduct_b_present_secret";
