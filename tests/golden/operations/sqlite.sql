-- AddColumn
-- expand, locks: brief
ALTER TABLE "thing" ADD COLUMN "locale" VARCHAR(16) DEFAULT 'en';
-- contract, locks: brief
-- the stored definition of thing: locale takes no NULL;
-- rollback, locks: brief
ALTER TABLE "thing" DROP COLUMN "locale";

-- AddComputedColumn
-- expand, locks: brief
ALTER TABLE "thing" ADD COLUMN "number" INTEGER;
-- expand, locks: brief
CREATE TRIGGER "viaduct_b_thing_number_upd" AFTER UPDATE OF "port", "number" ON "thing" …;
-- expand, locks: brief
CREATE TRIGGER "viaduct_b_thing_number_ins" AFTER INSERT ON "thing" …;
-- contract, locks: brief
-- the stored definition of thing: number takes no NULL;
-- contract, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_number_upd";
-- contract, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_number_ins";
-- rollback, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_number_upd";
-- rollback, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_number_ins";
-- rollback, locks: brief
ALTER TABLE "thing" DROP COLUMN "number";

-- DropColumn
-- expand, locks: brief
-- the stored definition of thing: name has the default '';
-- contract, locks: brief
ALTER TABLE "thing" DROP COLUMN "name";
-- rollback, locks: brief
-- the stored definition of thing: name has the default NULL;

-- RenameColumn
-- expand, locks: brief
-- the stored definition of thing: name takes NULL;
-- expand, locks: brief
ALTER TABLE "thing" ADD COLUMN "title" VARCHAR(16);
-- expand, locks: brief
CREATE TRIGGER "viaduct_b_thing_title_upd" AFTER UPDATE OF "name", "title" ON "thing" …;
-- expand, locks: brief
CREATE TRIGGER "viaduct_b_thing_title_ins" AFTER INSERT ON "thing" …;
-- expand, locks: brief
CREATE INDEX "thing_title_idx" ON "thing" ("title");
-- expand, locks: brief
-- the stored definition of thing: gets CONSTRAINT "thing_title_fk" FOREIGN KEY ("title") REFERENCES "person" ("name") ON DELETE CASCADE;
-- contract, locks: brief
-- the stored definition of thing: loses FOREIGN KEY (name);
-- contract, locks: brief
DROP INDEX IF EXISTS "thing_name_idx";
-- contract, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_title_upd";
-- contract, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_title_ins";
-- contract, locks: brief
-- the stored definition of thing: title takes no NULL;
-- contract, locks: brief
ALTER TABLE "thing" DROP COLUMN "name";
-- rollback, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_title_upd";
-- rollback, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_title_ins";
-- rollback, locks: brief
-- the stored definition of thing: loses FOREIGN KEY (title);
-- rollback, locks: brief
DROP INDEX IF EXISTS "thing_title_idx";
-- rollback, locks: brief
ALTER TABLE "thing" DROP COLUMN "title";
-- rollback, locks: brief
-- the stored definition of thing: name takes no NULL;

-- ReplaceColumns
-- expand, locks: brief
ALTER TABLE "thing" ADD COLUMN "port_number" INTEGER;
-- expand, locks: brief
CREATE TRIGGER "viaduct_b_thing_port_upd" AFTER UPDATE OF "port", "port_number" ON "thing" …;
-- expand, locks: brief
CREATE TRIGGER "viaduct_b_thing_port_ins" AFTER INSERT ON "thing" …;
-- contract, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_port_upd";
-- contract, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_port_ins";
-- contract, locks: brief
ALTER TABLE "thing" DROP COLUMN "port";
-- rollback, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_port_upd";
-- rollback, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_port_ins";
-- rollback, locks: brief
ALTER TABLE "thing" DROP COLUMN "port_number";

-- ChangeType, longer text
-- expand, locks: brief
-- the stored definition of thing: name VARCHAR(32);

-- ChangeType, more bits
-- expand, locks: brief
-- the stored definition of thing: size BIGINT;

-- AddConstraint, check
-- contract, locks: brief
-- the stored definition of thing: gets CONSTRAINT "size_positive" CHECK ((coalesce("size" BETWEEN 0 AND 1000, 0)));

-- AddConstraint, refers
-- contract, locks: brief
-- the stored definition of thing: gets CONSTRAINT "of_net" FOREIGN KEY ("net_id") REFERENCES "net" ("id") ON DELETE CASCADE;

-- AddConstraint, unique
-- contract, locks: brief
CREATE UNIQUE INDEX "one_each" ON "thing" ("net_id", "port");

-- ChangeKey
-- refused: the primary key of thing is how its rows are stored
-- way out: make the table anew with the other key while nothing runs (Alembic's batch mode)

-- RenameTable
-- refused: a view takes no writes; with INSTEAD OF triggers an UPDATE would say that it was about no row
-- way out: rename the table while nothing runs

-- DropTable
-- contract, locks: brief
DROP TABLE IF EXISTS "thing";

-- MoveColumn
-- expand, locks: brief
ALTER TABLE "net" ADD COLUMN "region" VARCHAR(16);
-- expand, locks: none
CREATE TABLE viaduct_bridge_marks ( number INTEGER NOT NULL, bridge VARCHAR(64) NOT NULL, side VARCHAR(3) NOT NULL, record TEXT NOT NULL, child TEXT, PRIMARY KEY (number) );
-- expand, locks: none
CREATE INDEX viaduct_bridge_marks_record ON viaduct_bridge_marks (bridge, record);
-- expand, locks: brief
CREATE TRIGGER "viaduct_b_thing_zone_c_upd" AFTER UPDATE ON "thing" …;
-- expand, locks: brief
CREATE TRIGGER "viaduct_b_thing_zone_p_upd" AFTER UPDATE ON "net" …;
-- expand, locks: brief
CREATE TRIGGER "viaduct_b_thing_zone_c_upd_fill" AFTER UPDATE ON "thing" …;
-- expand, locks: brief
CREATE TRIGGER "viaduct_b_thing_zone_c_ins_fill" AFTER INSERT ON "thing" …;
-- expand, locks: brief
CREATE TRIGGER "viaduct_b_thing_zone_c_ins" AFTER INSERT ON "thing" …;
-- expand, locks: brief
CREATE TRIGGER "viaduct_b_thing_zone_p_back" AFTER INSERT ON "net" …;
-- contract, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_c_upd";
-- contract, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_p_upd";
-- contract, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_c_upd_fill";
-- contract, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_c_ins_fill";
-- contract, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_c_ins";
-- contract, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_p_back";
-- contract, locks: brief
ALTER TABLE "thing" DROP COLUMN "zone";
-- rollback, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_c_upd";
-- rollback, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_p_upd";
-- rollback, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_c_upd_fill";
-- rollback, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_c_ins_fill";
-- rollback, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_c_ins";
-- rollback, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_p_back";
-- rollback, locks: brief
ALTER TABLE "net" DROP COLUMN "region";

-- MoveColumn, rows made
-- expand, locks: brief
ALTER TABLE "extra" ADD COLUMN "region" VARCHAR(16);
-- expand, locks: none
CREATE TABLE viaduct_bridge_marks ( number INTEGER NOT NULL, bridge VARCHAR(64) NOT NULL, side VARCHAR(3) NOT NULL, record TEXT NOT NULL, child TEXT, PRIMARY KEY (number) );
-- expand, locks: none
CREATE INDEX viaduct_bridge_marks_record ON viaduct_bridge_marks (bridge, record);
-- expand, locks: brief
CREATE TRIGGER "viaduct_b_thing_zone_c_upd" AFTER UPDATE ON "extra" …;
-- expand, locks: brief
CREATE TRIGGER "viaduct_b_thing_zone_p_upd" AFTER UPDATE ON "net" …;
-- expand, locks: brief
CREATE TRIGGER "viaduct_b_thing_zone_c_upd_fill" AFTER UPDATE ON "extra" …;
-- expand, locks: brief
CREATE TRIGGER "viaduct_b_thing_zone_c_ins_fill" AFTER INSERT ON "extra" …;
-- expand, locks: brief
CREATE TRIGGER "viaduct_b_thing_zone_c_ins" AFTER INSERT ON "extra" …;
-- expand, locks: brief
CREATE TRIGGER "viaduct_b_thing_zone_p_back" AFTER INSERT ON "net" …;
-- expand, locks: brief
CREATE TRIGGER "viaduct_b_thing_zone_c_del" AFTER DELETE ON "extra" …;
-- expand, locks: brief
CREATE TRIGGER "viaduct_b_thing_zone_p_ins" AFTER INSERT ON "net" …;
-- contract, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_c_upd";
-- contract, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_p_upd";
-- contract, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_c_upd_fill";
-- contract, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_c_ins_fill";
-- contract, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_c_ins";
-- contract, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_p_back";
-- contract, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_c_del";
-- contract, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_p_ins";
-- contract, locks: brief
ALTER TABLE "net" DROP COLUMN "zone";
-- rollback, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_c_upd";
-- rollback, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_p_upd";
-- rollback, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_c_upd_fill";
-- rollback, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_c_ins_fill";
-- rollback, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_c_ins";
-- rollback, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_p_back";
-- rollback, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_c_del";
-- rollback, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_p_ins";
-- rollback, locks: brief
ALTER TABLE "extra" DROP COLUMN "region";

-- MoveColumn, one way
-- expand, locks: brief
ALTER TABLE "net" ADD COLUMN "region" VARCHAR(16);
-- expand, locks: none
CREATE TABLE viaduct_bridge_marks ( number INTEGER NOT NULL, bridge VARCHAR(64) NOT NULL, side VARCHAR(3) NOT NULL, record TEXT NOT NULL, child TEXT, PRIMARY KEY (number) );
-- expand, locks: none
CREATE INDEX viaduct_bridge_marks_record ON viaduct_bridge_marks (bridge, record);
-- expand, locks: brief
CREATE TRIGGER "viaduct_b_thing_zone_c_upd" AFTER UPDATE ON "thing" …;
-- expand, locks: brief
CREATE TRIGGER "viaduct_b_thing_zone_c_ins" AFTER INSERT ON "thing" …;
-- expand, locks: brief
CREATE TRIGGER "viaduct_b_thing_zone_p_back" AFTER INSERT ON "net" …;
-- contract, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_c_upd";
-- contract, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_c_ins";
-- contract, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_p_back";
-- contract, locks: brief
ALTER TABLE "thing" DROP COLUMN "zone";
-- rollback, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_c_upd";
-- rollback, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_c_ins";
-- rollback, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_zone_p_back";
-- rollback, locks: brief
ALTER TABLE "net" DROP COLUMN "region";

-- ComputeColumns
-- expand, locks: brief
-- the stored definition of thing: secret takes NULL;
-- expand, locks: brief
ALTER TABLE "thing" ADD COLUMN "sealed" TEXT;
-- expand, locks: brief
ALTER TABLE "thing" ADD COLUMN "key_hash" VARCHAR(64);
-- expand, locks: none
CREATE TABLE viaduct_bridge_marks ( number INTEGER NOT NULL, bridge VARCHAR(64) NOT NULL, side VARCHAR(3) NOT NULL, record TEXT NOT NULL, child TEXT, PRIMARY KEY (number) );
-- expand, locks: none
CREATE INDEX viaduct_bridge_marks_record ON viaduct_bridge_marks (bridge, record);
-- expand, locks: brief
CREATE TRIGGER "viaduct_b_thing_seal_upd" AFTER UPDATE ON "thing" …;
-- expand, locks: brief
CREATE TRIGGER "viaduct_b_thing_seal_ins" AFTER INSERT ON "thing" …;
-- contract, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_seal_upd";
-- contract, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_seal_ins";
-- contract, locks: brief
ALTER TABLE "thing" DROP COLUMN "secret";
-- rollback, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_seal_upd";
-- rollback, locks: brief
DROP TRIGGER IF EXISTS "viaduct_b_thing_seal_ins";
-- rollback, locks: brief
ALTER TABLE "thing" DROP COLUMN "sealed";
-- rollback, locks: brief
ALTER TABLE "thing" DROP COLUMN "key_hash";
-- rollback, locks: brief
-- the stored definition of thing: secret takes no NULL;
