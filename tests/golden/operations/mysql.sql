-- AddColumn
-- expand, locks: brief
ALTER TABLE `thing` ADD COLUMN `locale` VARCHAR(16) NULL DEFAULT 'en', ALGORITHM=INSTANT;
-- contract, locks: brief
ALTER TABLE `thing` MODIFY COLUMN `locale` VARCHAR(16) NOT NULL DEFAULT 'en', ALGORITHM=INSTANT;
-- rollback, locks: brief
ALTER TABLE `thing` DROP COLUMN `locale`, ALGORITHM=INSTANT;

-- AddComputedColumn
-- expand, locks: brief
ALTER TABLE `thing` ADD COLUMN `number` INTEGER NULL, ALGORITHM=INSTANT;
-- expand, locks: brief
CREATE TRIGGER `viaduct_b_thing_number_upd` BEFORE UPDATE ON `thing` …;
-- expand, locks: brief
CREATE TRIGGER `viaduct_b_thing_number_ins` BEFORE INSERT ON `thing` …;
-- contract, locks: brief
ALTER TABLE `thing` MODIFY COLUMN `number` INTEGER NOT NULL, ALGORITHM=INSTANT;
-- contract, locks: brief
DROP TRIGGER IF EXISTS `viaduct_b_thing_number_upd`;
-- contract, locks: brief
DROP TRIGGER IF EXISTS `viaduct_b_thing_number_ins`;
-- rollback, locks: brief
DROP TRIGGER IF EXISTS `viaduct_b_thing_number_upd`;
-- rollback, locks: brief
DROP TRIGGER IF EXISTS `viaduct_b_thing_number_ins`;
-- rollback, locks: brief
ALTER TABLE `thing` DROP COLUMN `number`, ALGORITHM=INSTANT;

-- DropColumn
-- expand, locks: brief
ALTER TABLE `thing` ALTER COLUMN `name` SET DEFAULT '', ALGORITHM=INSTANT;
-- contract, locks: brief
ALTER TABLE `thing` DROP COLUMN `name`, ALGORITHM=INSTANT;
-- rollback, locks: brief
ALTER TABLE `thing` ALTER COLUMN `name` DROP DEFAULT, ALGORITHM=INSTANT;

-- RenameColumn
-- expand, locks: brief
ALTER TABLE `thing` ADD COLUMN `title` VARCHAR(16) NULL, ALGORITHM=INSTANT;
-- expand, locks: brief
CREATE TRIGGER `viaduct_b_thing_title_upd` BEFORE UPDATE ON `thing` …;
-- expand, locks: brief
CREATE TRIGGER `viaduct_b_thing_title_ins` BEFORE INSERT ON `thing` …;
-- expand, locks: online
ALTER TABLE `thing` ADD INDEX `thing_title_idx` (`title`), ALGORITHM=INPLACE, LOCK=NONE;
-- expand, locks: online
SET SESSION foreign_key_checks = 0;
ALTER TABLE `thing` ADD CONSTRAINT `thing_title_fk` FOREIGN KEY (`title`) REFERENCES `person` (`name`) ON DELETE CASCADE, ALGORITHM=INPLACE, LOCK=NONE;
SET SESSION foreign_key_checks = 1;
-- contract, locks: brief
ALTER TABLE `thing` DROP FOREIGN KEY `thing_name_fk`;
-- contract, locks: brief
ALTER TABLE `thing` DROP INDEX `thing_name_idx`, ALGORITHM=INPLACE, LOCK=NONE;
-- contract, locks: brief
ALTER TABLE `thing` ALTER COLUMN `name` SET DEFAULT '', ALGORITHM=INSTANT;
-- contract, locks: brief
DROP TRIGGER IF EXISTS `viaduct_b_thing_title_upd`;
-- contract, locks: brief
DROP TRIGGER IF EXISTS `viaduct_b_thing_title_ins`;
-- contract, locks: brief
ALTER TABLE `thing` MODIFY COLUMN `title` VARCHAR(16) NOT NULL, ALGORITHM=INSTANT;
-- contract, locks: brief
ALTER TABLE `thing` DROP COLUMN `name`, ALGORITHM=INSTANT;
-- rollback, locks: brief
DROP TRIGGER IF EXISTS `viaduct_b_thing_title_upd`;
-- rollback, locks: brief
DROP TRIGGER IF EXISTS `viaduct_b_thing_title_ins`;
-- rollback, locks: brief
ALTER TABLE `thing` DROP FOREIGN KEY `thing_title_fk`;
-- rollback, locks: brief
ALTER TABLE `thing` DROP INDEX `thing_title_idx`, ALGORITHM=INPLACE, LOCK=NONE;
-- rollback, locks: brief
ALTER TABLE `thing` DROP COLUMN `title`, ALGORITHM=INSTANT;

-- ReplaceColumns
-- expand, locks: brief
ALTER TABLE `thing` ADD COLUMN `port_number` INTEGER NULL, ALGORITHM=INSTANT;
-- expand, locks: brief
CREATE TRIGGER `viaduct_b_thing_port_upd` BEFORE UPDATE ON `thing` …;
-- expand, locks: brief
CREATE TRIGGER `viaduct_b_thing_port_ins` BEFORE INSERT ON `thing` …;
-- contract, locks: brief
DROP TRIGGER IF EXISTS `viaduct_b_thing_port_upd`;
-- contract, locks: brief
DROP TRIGGER IF EXISTS `viaduct_b_thing_port_ins`;
-- contract, locks: brief
ALTER TABLE `thing` DROP COLUMN `port`, ALGORITHM=INSTANT;
-- rollback, locks: brief
DROP TRIGGER IF EXISTS `viaduct_b_thing_port_upd`;
-- rollback, locks: brief
DROP TRIGGER IF EXISTS `viaduct_b_thing_port_ins`;
-- rollback, locks: brief
ALTER TABLE `thing` DROP COLUMN `port_number`, ALGORITHM=INSTANT;

-- ChangeType, longer text
-- expand, locks: brief
ALTER TABLE `thing` MODIFY COLUMN `name` VARCHAR(32) NOT NULL, ALGORITHM=INPLACE, LOCK=NONE;

-- ChangeType, more bits
-- refused: thing.size can't become Integer(bits=64) without a copy of the table, which stops writers
-- way out: give the wider column a new name: ReplaceColumns

-- AddConstraint, check
-- contract, locks: writes wait
ALTER TABLE `thing` ADD CONSTRAINT `size_positive` CHECK ((COALESCE(`size` BETWEEN 0 AND 1000, FALSE))), ALGORITHM=COPY, LOCK=SHARED;

-- AddConstraint, refers
-- contract, locks: online
SET SESSION foreign_key_checks = 0;
ALTER TABLE `thing` ADD CONSTRAINT `of_net` FOREIGN KEY (`net_id`) REFERENCES `net` (`id`) ON DELETE CASCADE, ALGORITHM=INPLACE, LOCK=NONE;
SET SESSION foreign_key_checks = 1;

-- AddConstraint, unique
-- contract, locks: online
ALTER TABLE `thing` ADD UNIQUE INDEX `one_each` (`net_id`, `port`), ALGORITHM=INPLACE, LOCK=NONE;

-- ChangeKey
-- expand, locks: brief
ALTER TABLE `thing` ADD COLUMN `uuid` VARCHAR(32) NULL, ALGORITHM=INSTANT;
-- expand, locks: brief
CREATE TRIGGER `viaduct_b_thing_uuid_upd` BEFORE UPDATE ON `thing` …;
-- expand, locks: brief
CREATE TRIGGER `viaduct_b_thing_uuid_ins` BEFORE INSERT ON `thing` …;
-- expand, locks: online
ALTER TABLE `thing` ADD UNIQUE INDEX `thing_uuid_key` (`uuid`), ALGORITHM=INPLACE, LOCK=NONE;
-- contract, locks: brief
ALTER TABLE `thing` MODIFY COLUMN `uuid` VARCHAR(32) NOT NULL, ALGORITHM=INSTANT;
-- contract, locks: online
ALTER TABLE `thing` ADD UNIQUE INDEX `thing_id_key` (`id`), ALGORITHM=INPLACE, LOCK=NONE;
-- contract, locks: online
ALTER TABLE `thing` DROP PRIMARY KEY, ADD PRIMARY KEY (`uuid`), DROP INDEX `thing_uuid_key`, ALGORITHM=INPLACE, LOCK=NONE;
-- contract, locks: brief
DROP TRIGGER IF EXISTS `viaduct_b_thing_uuid_upd`;
-- contract, locks: brief
DROP TRIGGER IF EXISTS `viaduct_b_thing_uuid_ins`;
-- rollback, locks: brief
DROP TRIGGER IF EXISTS `viaduct_b_thing_uuid_upd`;
-- rollback, locks: brief
DROP TRIGGER IF EXISTS `viaduct_b_thing_uuid_ins`;
-- rollback, locks: brief
ALTER TABLE `thing` DROP INDEX `thing_uuid_key`, ALGORITHM=INPLACE, LOCK=NONE;
-- rollback, locks: brief
ALTER TABLE `thing` DROP COLUMN `uuid`, ALGORITHM=INSTANT;

-- RenameTable
-- expand, locks: brief
CREATE SQL SECURITY INVOKER VIEW `item` AS SELECT * FROM `thing`;
-- contract, locks: brief
RENAME TABLE `item` TO `viaduct_b_item`, `thing` TO `item`;
-- contract, locks: brief
DROP VIEW IF EXISTS `viaduct_b_item`;
-- rollback, locks: brief
DROP VIEW IF EXISTS `item`;

-- DropTable
-- contract, locks: brief
DROP TABLE IF EXISTS `thing`;

-- MoveColumn
-- expand, locks: brief
ALTER TABLE `net` ADD COLUMN `region` VARCHAR(16) NULL, ALGORITHM=INSTANT;
-- expand, locks: none
CREATE TABLE viaduct_bridge_marks ( number BIGINT NOT NULL AUTO_INCREMENT, bridge VARCHAR(64) NOT NULL, side VARCHAR(3) NOT NULL, record TEXT NOT NULL, child TEXT, PRIMARY KEY (number) )ENGINE=InnoDB CHARSET=utf8mb4 COLLATE utf8mb4_bin;
-- expand, locks: none
CREATE INDEX viaduct_bridge_marks_record ON viaduct_bridge_marks (bridge, record(190));
-- expand, locks: brief
CREATE TRIGGER `viaduct_b_thing_zone_c_upd` AFTER UPDATE ON `thing` …;
-- expand, locks: brief
CREATE TRIGGER `viaduct_b_thing_zone_p_upd` AFTER UPDATE ON `net` …;
-- expand, locks: brief
CREATE TRIGGER `viaduct_b_thing_zone_c_upd_fill` BEFORE UPDATE ON `thing` …;
-- expand, locks: brief
CREATE TRIGGER `viaduct_b_thing_zone_c_ins_fill` BEFORE INSERT ON `thing` …;
-- expand, locks: brief
CREATE TRIGGER `viaduct_b_thing_zone_c_ins` AFTER INSERT ON `thing` …;
-- expand, locks: brief
CREATE TRIGGER `viaduct_b_thing_zone_p_back` AFTER INSERT ON `net` …;
-- contract, locks: brief
DROP TRIGGER IF EXISTS `viaduct_b_thing_zone_c_upd`;
-- contract, locks: brief
DROP TRIGGER IF EXISTS `viaduct_b_thing_zone_p_upd`;
-- contract, locks: brief
DROP TRIGGER IF EXISTS `viaduct_b_thing_zone_c_upd_fill`;
-- contract, locks: brief
DROP TRIGGER IF EXISTS `viaduct_b_thing_zone_c_ins_fill`;
-- contract, locks: brief
DROP TRIGGER IF EXISTS `viaduct_b_thing_zone_c_ins`;
-- contract, locks: brief
DROP TRIGGER IF EXISTS `viaduct_b_thing_zone_p_back`;
-- contract, locks: brief
ALTER TABLE `thing` DROP COLUMN `zone`, ALGORITHM=INSTANT;
-- rollback, locks: brief
DROP TRIGGER IF EXISTS `viaduct_b_thing_zone_c_upd`;
-- rollback, locks: brief
DROP TRIGGER IF EXISTS `viaduct_b_thing_zone_p_upd`;
-- rollback, locks: brief
DROP TRIGGER IF EXISTS `viaduct_b_thing_zone_c_upd_fill`;
-- rollback, locks: brief
DROP TRIGGER IF EXISTS `viaduct_b_thing_zone_c_ins_fill`;
-- rollback, locks: brief
DROP TRIGGER IF EXISTS `viaduct_b_thing_zone_c_ins`;
-- rollback, locks: brief
DROP TRIGGER IF EXISTS `viaduct_b_thing_zone_p_back`;
-- rollback, locks: brief
ALTER TABLE `net` DROP COLUMN `region`, ALGORITHM=INSTANT;

-- MoveColumn, rows made
-- expand, locks: brief
ALTER TABLE `extra` ADD COLUMN `region` VARCHAR(16) NULL, ALGORITHM=INSTANT;
-- expand, locks: none
CREATE TABLE viaduct_bridge_marks ( number BIGINT NOT NULL AUTO_INCREMENT, bridge VARCHAR(64) NOT NULL, side VARCHAR(3) NOT NULL, record TEXT NOT NULL, child TEXT, PRIMARY KEY (number) )ENGINE=InnoDB CHARSET=utf8mb4 COLLATE utf8mb4_bin;
-- expand, locks: none
CREATE INDEX viaduct_bridge_marks_record ON viaduct_bridge_marks (bridge, record(190));
-- expand, locks: brief
CREATE TRIGGER `viaduct_b_thing_zone_c_upd` AFTER UPDATE ON `extra` …;
-- expand, locks: brief
CREATE TRIGGER `viaduct_b_thing_zone_p_upd` AFTER UPDATE ON `net` …;
-- expand, locks: brief
CREATE TRIGGER `viaduct_b_thing_zone_c_upd_fill` BEFORE UPDATE ON `extra` …;
-- expand, locks: brief
CREATE TRIGGER `viaduct_b_thing_zone_c_ins_fill` BEFORE INSERT ON `extra` …;
-- expand, locks: brief
CREATE TRIGGER `viaduct_b_thing_zone_c_ins` AFTER INSERT ON `extra` …;
-- expand, locks: brief
CREATE TRIGGER `viaduct_b_thing_zone_p_back` AFTER INSERT ON `net` …;
-- expand, locks: brief
CREATE TRIGGER `viaduct_b_thing_zone_c_del` AFTER DELETE ON `extra` …;
-- expand, locks: brief
CREATE TRIGGER `viaduct_b_thing_zone_p_ins` AFTER INSERT ON `net` …;
-- contract, locks: brief
DROP TRIGGER IF EXISTS `viaduct_b_thing_zone_c_upd`;
-- contract, locks: brief
DROP TRIGGER IF EXISTS `viaduct_b_thing_zone_p_upd`;
-- contract, locks: brief
DROP TRIGGER IF EXISTS `viaduct_b_thing_zone_c_upd_fill`;
-- contract, locks: brief
DROP TRIGGER IF EXISTS `viaduct_b_thing_zone_c_ins_fill`;
-- contract, locks: brief
DROP TRIGGER IF EXISTS `viaduct_b_thing_zone_c_ins`;
-- contract, locks: brief
DROP TRIGGER IF EXISTS `viaduct_b_thing_zone_p_back`;
-- contract, locks: brief
DROP TRIGGER IF EXISTS `viaduct_b_thing_zone_c_del`;
-- contract, locks: brief
DROP TRIGGER IF EXISTS `viaduct_b_thing_zone_p_ins`;
-- contract, locks: brief
ALTER TABLE `net` DROP COLUMN `zone`, ALGORITHM=INSTANT;
-- rollback, locks: brief
DROP TRIGGER IF EXISTS `viaduct_b_thing_zone_c_upd`;
-- rollback, locks: brief
DROP TRIGGER IF EXISTS `viaduct_b_thing_zone_p_upd`;
-- rollback, locks: brief
DROP TRIGGER IF EXISTS `viaduct_b_thing_zone_c_upd_fill`;
-- rollback, locks: brief
DROP TRIGGER IF EXISTS `viaduct_b_thing_zone_c_ins_fill`;
-- rollback, locks: brief
DROP TRIGGER IF EXISTS `viaduct_b_thing_zone_c_ins`;
-- rollback, locks: brief
DROP TRIGGER IF EXISTS `viaduct_b_thing_zone_p_back`;
-- rollback, locks: brief
DROP TRIGGER IF EXISTS `viaduct_b_thing_zone_c_del`;
-- rollback, locks: brief
DROP TRIGGER IF EXISTS `viaduct_b_thing_zone_p_ins`;
-- rollback, locks: brief
ALTER TABLE `extra` DROP COLUMN `region`, ALGORITHM=INSTANT;

-- MoveColumn, one way
-- expand, locks: brief
ALTER TABLE `net` ADD COLUMN `region` VARCHAR(16) NULL, ALGORITHM=INSTANT;
-- expand, locks: none
CREATE TABLE viaduct_bridge_marks ( number BIGINT NOT NULL AUTO_INCREMENT, bridge VARCHAR(64) NOT NULL, side VARCHAR(3) NOT NULL, record TEXT NOT NULL, child TEXT, PRIMARY KEY (number) )ENGINE=InnoDB CHARSET=utf8mb4 COLLATE utf8mb4_bin;
-- expand, locks: none
CREATE INDEX viaduct_bridge_marks_record ON viaduct_bridge_marks (bridge, record(190));
-- expand, locks: brief
CREATE TRIGGER `viaduct_b_thing_zone_c_upd` AFTER UPDATE ON `thing` …;
-- expand, locks: brief
CREATE TRIGGER `viaduct_b_thing_zone_c_ins` AFTER INSERT ON `thing` …;
-- expand, locks: brief
CREATE TRIGGER `viaduct_b_thing_zone_p_back` AFTER INSERT ON `net` …;
-- contract, locks: brief
DROP TRIGGER IF EXISTS `viaduct_b_thing_zone_c_upd`;
-- contract, locks: brief
DROP TRIGGER IF EXISTS `viaduct_b_thing_zone_c_ins`;
-- contract, locks: brief
DROP TRIGGER IF EXISTS `viaduct_b_thing_zone_p_back`;
-- contract, locks: brief
ALTER TABLE `thing` DROP COLUMN `zone`, ALGORITHM=INSTANT;
-- rollback, locks: brief
DROP TRIGGER IF EXISTS `viaduct_b_thing_zone_c_upd`;
-- rollback, locks: brief
DROP TRIGGER IF EXISTS `viaduct_b_thing_zone_c_ins`;
-- rollback, locks: brief
DROP TRIGGER IF EXISTS `viaduct_b_thing_zone_p_back`;
-- rollback, locks: brief
ALTER TABLE `net` DROP COLUMN `region`, ALGORITHM=INSTANT;

-- ComputeColumns
-- expand, locks: brief
ALTER TABLE `thing` MODIFY COLUMN `secret` LONGTEXT NULL, ALGORITHM=INSTANT;
-- expand, locks: brief
ALTER TABLE `thing` ADD COLUMN `sealed` LONGTEXT NULL, ALGORITHM=INSTANT;
-- expand, locks: brief
ALTER TABLE `thing` ADD COLUMN `key_hash` VARCHAR(64) NULL, ALGORITHM=INSTANT;
-- expand, locks: none
CREATE TABLE viaduct_bridge_marks ( number BIGINT NOT NULL AUTO_INCREMENT, bridge VARCHAR(64) NOT NULL, side VARCHAR(3) NOT NULL, record TEXT NOT NULL, child TEXT, PRIMARY KEY (number) )ENGINE=InnoDB CHARSET=utf8mb4 COLLATE utf8mb4_bin;
-- expand, locks: none
CREATE INDEX viaduct_bridge_marks_record ON viaduct_bridge_marks (bridge, record(190));
-- expand, locks: brief
CREATE TRIGGER `viaduct_b_thing_seal_upd` AFTER UPDATE ON `thing` …;
-- expand, locks: brief
CREATE TRIGGER `viaduct_b_thing_seal_ins` AFTER INSERT ON `thing` …;
-- contract, locks: brief
DROP TRIGGER IF EXISTS `viaduct_b_thing_seal_upd`;
-- contract, locks: brief
DROP TRIGGER IF EXISTS `viaduct_b_thing_seal_ins`;
-- contract, locks: brief
ALTER TABLE `thing` DROP COLUMN `secret`, ALGORITHM=INSTANT;
-- rollback, locks: brief
DROP TRIGGER IF EXISTS `viaduct_b_thing_seal_upd`;
-- rollback, locks: brief
DROP TRIGGER IF EXISTS `viaduct_b_thing_seal_ins`;
-- rollback, locks: brief
ALTER TABLE `thing` DROP COLUMN `sealed`, ALGORITHM=INSTANT;
-- rollback, locks: brief
ALTER TABLE `thing` DROP COLUMN `key_hash`, ALGORITHM=INSTANT;
-- rollback, locks: brief
ALTER TABLE `thing` MODIFY COLUMN `secret` LONGTEXT NOT NULL, ALGORITHM=INSTANT;
