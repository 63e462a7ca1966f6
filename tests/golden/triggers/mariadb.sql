-- viaduct_trust_insert, fingerprint 25b8eb6caa20
CREATE TRIGGER `viaduct_trust_insert` AFTER INSERT ON `trust`
FOR EACH ROW
fp_25b8eb6caa20: BEGIN
  INSERT INTO `viaduct_dirty` (`kind`, `key`, `stamped_at`) VALUES ('trust', concat(coalesce(CAST(NEW.`id` AS CHAR), ''), '/', 'a%2Fb', '/', replace(replace(coalesce(NEW.`kind`, ''), '%', '%25'), '/', '%2F'), '/', CASE WHEN NEW.`impersonation` IS NULL THEN '' WHEN NEW.`impersonation` THEN '1' ELSE '0' END), TIMESTAMPDIFF(MICROSECOND, TIMESTAMP '1970-01-01 00:00:00', UTC_TIMESTAMP(6)));
END;
-- DROP TRIGGER IF EXISTS `viaduct_trust_insert`;

-- viaduct_user_update, fingerprint 2eec8fc81f05
CREATE TRIGGER `viaduct_user_update` AFTER UPDATE ON `user`
FOR EACH ROW
fp_2eec8fc81f05: BEGIN
  IF (NOT (OLD.`enabled` <=> NEW.`enabled`)) OR (NOT (CAST(OLD.`group` AS BINARY) <=> CAST(NEW.`group` AS BINARY))) OR (NOT (OLD.`limit` <=> NEW.`limit`)) OR (NOT (OLD.`created_at` <=> NEW.`created_at`)) THEN
    INSERT INTO `viaduct_dirty` (`kind`, `key`, `stamped_at`) VALUES ('user', replace(replace(coalesce(NEW.`id`, ''), '%', '%25'), '/', '%2F'), TIMESTAMPDIFF(MICROSECOND, TIMESTAMP '1970-01-01 00:00:00', UTC_TIMESTAMP(6)));
  END IF;
END;
-- DROP TRIGGER IF EXISTS `viaduct_user_update`;

-- viaduct_user_rename, fingerprint e22933169174
CREATE TRIGGER `viaduct_user_rename` AFTER UPDATE ON `user`
FOR EACH ROW
fp_e22933169174: BEGIN
  IF ((NOT (CAST(OLD.`name` AS BINARY) <=> CAST(NEW.`name` AS BINARY)))) AND (NEW.`limit` > 3 AND (CAST(OLD.`group` AS BINARY) <=> CAST(NEW.`group` AS BINARY)) = 1) THEN
    INSERT INTO `viaduct_dirty` (`kind`, `key`, `stamped_at`) VALUES ('user', replace(replace(coalesce(OLD.`id`, ''), '%', '%25'), '/', '%2F'), TIMESTAMPDIFF(MICROSECOND, TIMESTAMP '1970-01-01 00:00:00', UTC_TIMESTAMP(6)));
    INSERT INTO `viaduct_dirty` (`kind`, `key`, `stamped_at`) VALUES ('user', replace(replace(coalesce(NEW.`id`, ''), '%', '%25'), '/', '%2F'), TIMESTAMPDIFF(MICROSECOND, TIMESTAMP '1970-01-01 00:00:00', UTC_TIMESTAMP(6)));
  END IF;
END;
-- DROP TRIGGER IF EXISTS `viaduct_user_rename`;

-- viaduct_user_delete, fingerprint 3f31bdc5512e
CREATE TRIGGER `viaduct_user_delete` BEFORE DELETE ON `user`
FOR EACH ROW
fp_3f31bdc5512e: BEGIN
  INSERT INTO `viaduct_dirty` (`kind`, `key`, `stamped_at`) SELECT 'trust' AS `anon_1`, concat(coalesce(CAST(`trust`.`id` AS CHAR), ''), '/', replace(replace(coalesce(`trust`.`kind`, ''), '%', '%25'), '/', '%2F')) AS `anon_2`, TIMESTAMPDIFF(MICROSECOND, TIMESTAMP '1970-01-01 00:00:00', UTC_TIMESTAMP(6)) AS `anon_3` FROM `trust` WHERE `trust`.`user_id` = OLD.`id`;
END;
-- DROP TRIGGER IF EXISTS `viaduct_user_delete`;

-- viaduct_user_orphaned, fingerprint ee8f91f01779
CREATE TRIGGER `viaduct_user_orphaned` AFTER DELETE ON `user`
FOR EACH ROW
fp_ee8f91f01779: BEGIN
  IF NOT (EXISTS (SELECT * FROM `trust` WHERE `trust`.`user_id` = OLD.`id`)) THEN
    UPDATE `trust` SET `impersonation`=false WHERE `trust`.`user_id` = OLD.`id`;
    DELETE FROM `trust` WHERE `trust`.`kind` = 'two';
  END IF;
END;
-- DROP TRIGGER IF EXISTS `viaduct_user_orphaned`;

-- viaduct_user_fill, fingerprint 2b2d50d72d24
CREATE TRIGGER `viaduct_user_fill` BEFORE INSERT ON `user`
FOR EACH ROW
fp_2b2d50d72d24: BEGIN
  IF NEW.`full_name` IS NULL THEN
    SET NEW.`full_name` = upper(NEW.`name`);
  END IF;
END;
-- DROP TRIGGER IF EXISTS `viaduct_user_fill`;

-- viaduct_user_both_ways, fingerprint b5438feb6ec5
CREATE TRIGGER `viaduct_user_both_ways` BEFORE UPDATE ON `user`
FOR EACH ROW
fp_b5438feb6ec5: BEGIN
  DECLARE viaduct_0 VARCHAR(64);
  DECLARE viaduct_1 VARCHAR(64);
  IF (NOT (CAST(OLD.`name` AS BINARY) <=> CAST(NEW.`name` AS BINARY))) OR (NOT (CAST(OLD.`full_name` AS BINARY) <=> CAST(NEW.`full_name` AS BINARY))) THEN
    INSERT INTO `viaduct_dirty` (`kind`, `key`, `stamped_at`) VALUES ('user', replace(replace(coalesce(NEW.`name`, ''), '%', '%25'), '/', '%2F'), TIMESTAMPDIFF(MICROSECOND, TIMESTAMP '1970-01-01 00:00:00', UTC_TIMESTAMP(6)));
    SET viaduct_0 = CASE WHEN (NOT (CAST(OLD.`name` AS BINARY) <=> CAST(NEW.`name` AS BINARY))) THEN upper(NEW.`name`) ELSE NEW.`full_name` END;
    SET viaduct_1 = CASE WHEN (NOT (CAST(OLD.`name` AS BINARY) <=> CAST(NEW.`name` AS BINARY))) THEN NEW.`name` ELSE lower(NEW.`full_name`) END;
    SET NEW.`full_name` = viaduct_0;
    SET NEW.`name` = viaduct_1;
  END IF;
END;
-- DROP TRIGGER IF EXISTS `viaduct_user_both_ways`;

-- viaduct_user_literals, fingerprint 45bbc139a245
CREATE TRIGGER `viaduct_user_literals` AFTER DELETE ON `user`
FOR EACH ROW
fp_45bbc139a245: BEGIN
  INSERT INTO `viaduct_dirty` (`kind`, `key`, `stamped_at`) VALUES ('50%', _utf8mb4 x'697427732061205c206261636b5c27736c6173682c2061202271756f7465222c2061202476696164756374242c203130302025732c2061203a20616e64206120c3bc20f09f9491', TIMESTAMPDIFF(MICROSECOND, TIMESTAMP '1970-01-01 00:00:00', UTC_TIMESTAMP(6)));
END;
-- DROP TRIGGER IF EXISTS `viaduct_user_literals`;
