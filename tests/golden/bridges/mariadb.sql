-- rename column
-- viaduct_b_thing_account_upd, fingerprint 2d04a54bef0e
CREATE TRIGGER `viaduct_b_thing_account_upd` BEFORE UPDATE ON `thing`
FOR EACH ROW
fp_2d04a54bef0e: BEGIN
  IF (NOT (CAST(OLD.`account` AS BINARY) <=> CAST(NEW.`account` AS BINARY))) THEN
    SET NEW.`login` = NEW.`account`;
  ELSEIF (NOT (CAST(OLD.`login` AS BINARY) <=> CAST(NEW.`login` AS BINARY))) THEN
    SET NEW.`account` = NEW.`login`;
  END IF;
END;

-- viaduct_b_thing_account_ins, fingerprint bef57e8f7647
CREATE TRIGGER `viaduct_b_thing_account_ins` BEFORE INSERT ON `thing`
FOR EACH ROW
fp_bef57e8f7647: BEGIN
  IF NEW.`account` IS NOT NULL THEN
    SET NEW.`login` = NEW.`account`;
  ELSE
    SET NEW.`account` = NEW.`login`;
  END IF;
END;

-- rename column, not null
-- viaduct_b_thing_account_upd, fingerprint 2d04a54bef0e
CREATE TRIGGER `viaduct_b_thing_account_upd` BEFORE UPDATE ON `thing`
FOR EACH ROW
fp_2d04a54bef0e: BEGIN
  IF (NOT (CAST(OLD.`account` AS BINARY) <=> CAST(NEW.`account` AS BINARY))) THEN
    SET NEW.`login` = NEW.`account`;
  ELSEIF (NOT (CAST(OLD.`login` AS BINARY) <=> CAST(NEW.`login` AS BINARY))) THEN
    SET NEW.`account` = NEW.`login`;
  END IF;
END;

-- viaduct_b_thing_account_ins, fingerprint bef57e8f7647
CREATE TRIGGER `viaduct_b_thing_account_ins` BEFORE INSERT ON `thing`
FOR EACH ROW
fp_bef57e8f7647: BEGIN
  IF NEW.`account` IS NOT NULL THEN
    SET NEW.`login` = NEW.`account`;
  ELSE
    SET NEW.`account` = NEW.`login`;
  END IF;
END;

-- rename column, default
-- viaduct_b_thing_account_upd, fingerprint 2d04a54bef0e
CREATE TRIGGER `viaduct_b_thing_account_upd` BEFORE UPDATE ON `thing`
FOR EACH ROW
fp_2d04a54bef0e: BEGIN
  IF (NOT (CAST(OLD.`account` AS BINARY) <=> CAST(NEW.`account` AS BINARY))) THEN
    SET NEW.`login` = NEW.`account`;
  ELSEIF (NOT (CAST(OLD.`login` AS BINARY) <=> CAST(NEW.`login` AS BINARY))) THEN
    SET NEW.`account` = NEW.`login`;
  END IF;
END;

-- viaduct_b_thing_account_ins, fingerprint bef57e8f7647
CREATE TRIGGER `viaduct_b_thing_account_ins` BEFORE INSERT ON `thing`
FOR EACH ROW
fp_bef57e8f7647: BEGIN
  IF NEW.`account` IS NOT NULL THEN
    SET NEW.`login` = NEW.`account`;
  ELSE
    SET NEW.`account` = NEW.`login`;
  END IF;
END;

-- change type
-- viaduct_b_thing_port_upd, fingerprint 533a5b461a2c
CREATE TRIGGER `viaduct_b_thing_port_upd` BEFORE UPDATE ON `thing`
FOR EACH ROW
fp_533a5b461a2c: BEGIN
  IF (NOT (OLD.`port_number` <=> NEW.`port_number`)) THEN
    IF (NEW.`port_number` <=> coalesce(CASE WHEN (CASE WHEN (COALESCE(NEW.`port` REGEXP '^-?[0-9]{1,18}$' AND NEW.`port` NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(NEW.`port` AS SIGNED) END BETWEEN -2147483648 AND 2147483647) THEN CASE WHEN (COALESCE(NEW.`port` REGEXP '^-?[0-9]{1,18}$' AND NEW.`port` NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(NEW.`port` AS SIGNED) END END, CASE WHEN (NEW.`port` IS NOT NULL) THEN -1 END)) = 0 THEN
      SET NEW.`port` = CAST(NEW.`port_number` AS CHAR);
    END IF;
  ELSEIF (NOT (CAST(OLD.`port` AS BINARY) <=> CAST(NEW.`port` AS BINARY))) THEN
    IF (CAST(NEW.`port` AS BINARY) <=> CAST(CAST(NEW.`port_number` AS CHAR) AS BINARY)) = 0 THEN
      SET NEW.`port_number` = coalesce(CASE WHEN (CASE WHEN (COALESCE(NEW.`port` REGEXP '^-?[0-9]{1,18}$' AND NEW.`port` NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(NEW.`port` AS SIGNED) END BETWEEN -2147483648 AND 2147483647) THEN CASE WHEN (COALESCE(NEW.`port` REGEXP '^-?[0-9]{1,18}$' AND NEW.`port` NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(NEW.`port` AS SIGNED) END END, CASE WHEN (NEW.`port` IS NOT NULL) THEN -1 END);
    END IF;
  END IF;
END;

-- viaduct_b_thing_port_ins, fingerprint 85a2bb7206b2
CREATE TRIGGER `viaduct_b_thing_port_ins` BEFORE INSERT ON `thing`
FOR EACH ROW
fp_85a2bb7206b2: BEGIN
  IF NEW.`port_number` IS NOT NULL THEN
    IF (NEW.`port_number` <=> coalesce(CASE WHEN (CASE WHEN (COALESCE(NEW.`port` REGEXP '^-?[0-9]{1,18}$' AND NEW.`port` NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(NEW.`port` AS SIGNED) END BETWEEN -2147483648 AND 2147483647) THEN CASE WHEN (COALESCE(NEW.`port` REGEXP '^-?[0-9]{1,18}$' AND NEW.`port` NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(NEW.`port` AS SIGNED) END END, CASE WHEN (NEW.`port` IS NOT NULL) THEN -1 END)) = 0 THEN
      SET NEW.`port` = CAST(NEW.`port_number` AS CHAR);
    END IF;
  ELSE
    SET NEW.`port_number` = coalesce(CASE WHEN (CASE WHEN (COALESCE(NEW.`port` REGEXP '^-?[0-9]{1,18}$' AND NEW.`port` NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(NEW.`port` AS SIGNED) END BETWEEN -2147483648 AND 2147483647) THEN CASE WHEN (COALESCE(NEW.`port` REGEXP '^-?[0-9]{1,18}$' AND NEW.`port` NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(NEW.`port` AS SIGNED) END END, CASE WHEN (NEW.`port` IS NOT NULL) THEN -1 END);
  END IF;
END;

-- change type, narrower
-- viaduct_b_thing_narrow_upd, fingerprint bc5a53ebd524
CREATE TRIGGER `viaduct_b_thing_narrow_upd` BEFORE UPDATE ON `thing`
FOR EACH ROW
fp_bc5a53ebd524: BEGIN
  IF (NOT (CAST(OLD.`narrow` AS BINARY) <=> CAST(NEW.`narrow` AS BINARY))) THEN
    IF (CAST(NEW.`narrow` AS BINARY) <=> CAST(CASE WHEN (CHAR_LENGTH(NEW.`wide`) BETWEEN 0 AND 3) THEN NEW.`wide` END AS BINARY)) = 0 THEN
      SET NEW.`wide` = NEW.`narrow`;
    END IF;
  ELSEIF (NOT (CAST(OLD.`wide` AS BINARY) <=> CAST(NEW.`wide` AS BINARY))) THEN
    IF (CAST(NEW.`wide` AS BINARY) <=> CAST(NEW.`narrow` AS BINARY)) = 0 THEN
      SET NEW.`narrow` = CASE WHEN (CHAR_LENGTH(NEW.`wide`) BETWEEN 0 AND 3) THEN NEW.`wide` END;
    END IF;
  END IF;
END;

-- viaduct_b_thing_narrow_ins, fingerprint d9394cf27fe2
CREATE TRIGGER `viaduct_b_thing_narrow_ins` BEFORE INSERT ON `thing`
FOR EACH ROW
fp_d9394cf27fe2: BEGIN
  IF NEW.`narrow` IS NOT NULL THEN
    IF (CAST(NEW.`narrow` AS BINARY) <=> CAST(CASE WHEN (CHAR_LENGTH(NEW.`wide`) BETWEEN 0 AND 3) THEN NEW.`wide` END AS BINARY)) = 0 THEN
      SET NEW.`wide` = NEW.`narrow`;
    END IF;
  ELSE
    SET NEW.`narrow` = CASE WHEN (CHAR_LENGTH(NEW.`wide`) BETWEEN 0 AND 3) THEN NEW.`wide` END;
  END IF;
END;

-- transform
-- viaduct_b_thing_visibility_upd, fingerprint 571e78e796e2
CREATE TRIGGER `viaduct_b_thing_visibility_upd` BEFORE UPDATE ON `thing`
FOR EACH ROW
fp_571e78e796e2: BEGIN
  IF (NOT (CAST(OLD.`visibility` AS BINARY) <=> CAST(NEW.`visibility` AS BINARY))) OR NEW.`is_public` IS NULL THEN
    SET NEW.`is_public` = (CAST(NEW.`visibility` AS BINARY) <=> CAST('public' AS BINARY));
  ELSEIF (NOT (OLD.`is_public` <=> NEW.`is_public`)) THEN
    SET NEW.`visibility` = CASE WHEN NEW.`is_public` THEN 'public' WHEN (NEW.`is_public` IS NOT NULL) THEN 'shared' END;
  END IF;
END;

-- viaduct_b_thing_visibility_ins, fingerprint 4cf17a223e26
CREATE TRIGGER `viaduct_b_thing_visibility_ins` BEFORE INSERT ON `thing`
FOR EACH ROW
fp_4cf17a223e26: BEGIN
  IF NEW.`visibility` IS NOT NULL OR NEW.`is_public` IS NULL THEN
    SET NEW.`is_public` = (CAST(NEW.`visibility` AS BINARY) <=> CAST('public' AS BINARY));
  ELSE
    SET NEW.`visibility` = CASE WHEN NEW.`is_public` THEN 'public' WHEN (NEW.`is_public` IS NOT NULL) THEN 'shared' END;
  END IF;
END;

-- split
-- viaduct_b_thing_socket_upd, fingerprint dca8a63dc6bc
CREATE TRIGGER `viaduct_b_thing_socket_upd` BEFORE UPDATE ON `thing`
FOR EACH ROW
fp_dca8a63dc6bc: BEGIN
  IF (NOT (CAST(OLD.`address` AS BINARY) <=> CAST(NEW.`address` AS BINARY))) OR (NOT (OLD.`port` <=> NEW.`port`)) THEN
    IF NOT ((CAST(NEW.`address` AS BINARY) <=> CAST(CASE WHEN (CHAR_LENGTH(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NEW.`socket` ELSE SUBSTRING(NEW.`socket`, 1, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) - 1) END) BETWEEN 0 AND 16) THEN CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NEW.`socket` ELSE SUBSTRING(NEW.`socket`, 1, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) - 1) END END AS BINARY)) AND (NEW.`port` <=> coalesce(CASE WHEN (CASE WHEN (COALESCE(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END REGEXP '^-?[0-9]{1,18}$' AND CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END AS SIGNED) END BETWEEN -2147483648 AND 2147483647) THEN CASE WHEN (COALESCE(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END REGEXP '^-?[0-9]{1,18}$' AND CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END AS SIGNED) END END, CASE WHEN (NEW.`socket` IS NOT NULL) THEN 0 END))) THEN
      SET NEW.`socket` = CASE WHEN (CHAR_LENGTH(CONCAT(CONCAT(NEW.`address`, ':'), CAST(NEW.`port` AS CHAR))) BETWEEN 0 AND 32) THEN CONCAT(CONCAT(NEW.`address`, ':'), CAST(NEW.`port` AS CHAR)) END;
    END IF;
  ELSEIF (NOT (CAST(OLD.`socket` AS BINARY) <=> CAST(NEW.`socket` AS BINARY))) THEN
    IF (CAST(NEW.`socket` AS BINARY) <=> CAST(CASE WHEN (CHAR_LENGTH(CONCAT(CONCAT(NEW.`address`, ':'), CAST(NEW.`port` AS CHAR))) BETWEEN 0 AND 32) THEN CONCAT(CONCAT(NEW.`address`, ':'), CAST(NEW.`port` AS CHAR)) END AS BINARY)) = 0 THEN
      SET NEW.`address` = CASE WHEN (CHAR_LENGTH(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NEW.`socket` ELSE SUBSTRING(NEW.`socket`, 1, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) - 1) END) BETWEEN 0 AND 16) THEN CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NEW.`socket` ELSE SUBSTRING(NEW.`socket`, 1, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) - 1) END END;
      SET NEW.`port` = coalesce(CASE WHEN (CASE WHEN (COALESCE(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END REGEXP '^-?[0-9]{1,18}$' AND CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END AS SIGNED) END BETWEEN -2147483648 AND 2147483647) THEN CASE WHEN (COALESCE(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END REGEXP '^-?[0-9]{1,18}$' AND CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END AS SIGNED) END END, CASE WHEN (NEW.`socket` IS NOT NULL) THEN 0 END);
    END IF;
  END IF;
END;

-- viaduct_b_thing_socket_ins, fingerprint a6cbff94fcf1
CREATE TRIGGER `viaduct_b_thing_socket_ins` BEFORE INSERT ON `thing`
FOR EACH ROW
fp_a6cbff94fcf1: BEGIN
  IF NEW.`address` IS NOT NULL OR NEW.`port` IS NOT NULL THEN
    IF NOT ((CAST(NEW.`address` AS BINARY) <=> CAST(CASE WHEN (CHAR_LENGTH(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NEW.`socket` ELSE SUBSTRING(NEW.`socket`, 1, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) - 1) END) BETWEEN 0 AND 16) THEN CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NEW.`socket` ELSE SUBSTRING(NEW.`socket`, 1, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) - 1) END END AS BINARY)) AND (NEW.`port` <=> coalesce(CASE WHEN (CASE WHEN (COALESCE(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END REGEXP '^-?[0-9]{1,18}$' AND CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END AS SIGNED) END BETWEEN -2147483648 AND 2147483647) THEN CASE WHEN (COALESCE(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END REGEXP '^-?[0-9]{1,18}$' AND CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END AS SIGNED) END END, CASE WHEN (NEW.`socket` IS NOT NULL) THEN 0 END))) THEN
      SET NEW.`socket` = CASE WHEN (CHAR_LENGTH(CONCAT(CONCAT(NEW.`address`, ':'), CAST(NEW.`port` AS CHAR))) BETWEEN 0 AND 32) THEN CONCAT(CONCAT(NEW.`address`, ':'), CAST(NEW.`port` AS CHAR)) END;
    END IF;
  ELSE
    SET NEW.`address` = CASE WHEN (CHAR_LENGTH(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NEW.`socket` ELSE SUBSTRING(NEW.`socket`, 1, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) - 1) END) BETWEEN 0 AND 16) THEN CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NEW.`socket` ELSE SUBSTRING(NEW.`socket`, 1, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) - 1) END END;
    SET NEW.`port` = coalesce(CASE WHEN (CASE WHEN (COALESCE(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END REGEXP '^-?[0-9]{1,18}$' AND CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END AS SIGNED) END BETWEEN -2147483648 AND 2147483647) THEN CASE WHEN (COALESCE(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END REGEXP '^-?[0-9]{1,18}$' AND CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END AS SIGNED) END END, CASE WHEN (NEW.`socket` IS NOT NULL) THEN 0 END);
  END IF;
END;

-- merge
-- viaduct_b_thing_name_upd, fingerprint 194e8e6cdf28
CREATE TRIGGER `viaduct_b_thing_name_upd` BEFORE UPDATE ON `thing`
FOR EACH ROW
fp_194e8e6cdf28: BEGIN
  IF (NOT (CAST(OLD.`name` AS BINARY) <=> CAST(NEW.`name` AS BINARY))) THEN
    IF (CAST(NEW.`name` AS BINARY) <=> CAST(CASE WHEN (CHAR_LENGTH(CASE WHEN (NEW.`last` IS NULL) THEN NEW.`first` ELSE CONCAT(CONCAT(NEW.`first`, ' '), NEW.`last`) END) BETWEEN 0 AND 40) THEN CASE WHEN (NEW.`last` IS NULL) THEN NEW.`first` ELSE CONCAT(CONCAT(NEW.`first`, ' '), NEW.`last`) END END AS BINARY)) = 0 THEN
      SET NEW.`first` = CASE WHEN (CHAR_LENGTH(CASE WHEN LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NEW.`name` ELSE SUBSTRING(NEW.`name`, 1, LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) - 1) END) BETWEEN 0 AND 16) THEN CASE WHEN LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NEW.`name` ELSE SUBSTRING(NEW.`name`, 1, LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) - 1) END END;
      SET NEW.`last` = CASE WHEN (CHAR_LENGTH(CASE WHEN LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`name`, LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(' ')) END) BETWEEN 0 AND 16) THEN CASE WHEN LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`name`, LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(' ')) END END;
    END IF;
  ELSEIF (NOT (CAST(OLD.`first` AS BINARY) <=> CAST(NEW.`first` AS BINARY))) OR (NOT (CAST(OLD.`last` AS BINARY) <=> CAST(NEW.`last` AS BINARY))) THEN
    IF NOT ((CAST(NEW.`first` AS BINARY) <=> CAST(CASE WHEN (CHAR_LENGTH(CASE WHEN LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NEW.`name` ELSE SUBSTRING(NEW.`name`, 1, LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) - 1) END) BETWEEN 0 AND 16) THEN CASE WHEN LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NEW.`name` ELSE SUBSTRING(NEW.`name`, 1, LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) - 1) END END AS BINARY)) AND (CAST(NEW.`last` AS BINARY) <=> CAST(CASE WHEN (CHAR_LENGTH(CASE WHEN LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`name`, LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(' ')) END) BETWEEN 0 AND 16) THEN CASE WHEN LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`name`, LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(' ')) END END AS BINARY))) THEN
      SET NEW.`name` = CASE WHEN (CHAR_LENGTH(CASE WHEN (NEW.`last` IS NULL) THEN NEW.`first` ELSE CONCAT(CONCAT(NEW.`first`, ' '), NEW.`last`) END) BETWEEN 0 AND 40) THEN CASE WHEN (NEW.`last` IS NULL) THEN NEW.`first` ELSE CONCAT(CONCAT(NEW.`first`, ' '), NEW.`last`) END END;
    END IF;
  END IF;
END;

-- viaduct_b_thing_name_ins, fingerprint 4e3a8fda7eca
CREATE TRIGGER `viaduct_b_thing_name_ins` BEFORE INSERT ON `thing`
FOR EACH ROW
fp_4e3a8fda7eca: BEGIN
  IF NEW.`name` IS NOT NULL THEN
    IF (CAST(NEW.`name` AS BINARY) <=> CAST(CASE WHEN (CHAR_LENGTH(CASE WHEN (NEW.`last` IS NULL) THEN NEW.`first` ELSE CONCAT(CONCAT(NEW.`first`, ' '), NEW.`last`) END) BETWEEN 0 AND 40) THEN CASE WHEN (NEW.`last` IS NULL) THEN NEW.`first` ELSE CONCAT(CONCAT(NEW.`first`, ' '), NEW.`last`) END END AS BINARY)) = 0 THEN
      SET NEW.`first` = CASE WHEN (CHAR_LENGTH(CASE WHEN LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NEW.`name` ELSE SUBSTRING(NEW.`name`, 1, LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) - 1) END) BETWEEN 0 AND 16) THEN CASE WHEN LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NEW.`name` ELSE SUBSTRING(NEW.`name`, 1, LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) - 1) END END;
      SET NEW.`last` = CASE WHEN (CHAR_LENGTH(CASE WHEN LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`name`, LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(' ')) END) BETWEEN 0 AND 16) THEN CASE WHEN LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`name`, LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(' ')) END END;
    END IF;
  ELSE
    SET NEW.`name` = CASE WHEN (CHAR_LENGTH(CASE WHEN (NEW.`last` IS NULL) THEN NEW.`first` ELSE CONCAT(CONCAT(NEW.`first`, ' '), NEW.`last`) END) BETWEEN 0 AND 40) THEN CASE WHEN (NEW.`last` IS NULL) THEN NEW.`first` ELSE CONCAT(CONCAT(NEW.`first`, ' '), NEW.`last`) END END;
  END IF;
END;

-- transform, enumerations
-- viaduct_b_thing_listed_upd, fingerprint 2b457273d1aa
CREATE TRIGGER `viaduct_b_thing_listed_upd` BEFORE UPDATE ON `thing`
FOR EACH ROW
fp_2b457273d1aa: BEGIN
  IF (NOT (CAST(OLD.`visibility` AS BINARY) <=> CAST(NEW.`visibility` AS BINARY))) OR (NOT (OLD.`rank` <=> NEW.`rank`)) OR NEW.`is_public` IS NULL THEN
    SET NEW.`is_public` = (CAST(NEW.`visibility` AS BINARY) <=> CAST('public' AS BINARY));
    SET NEW.`level` = CASE NEW.`rank` WHEN 1 THEN 'low' WHEN 2 THEN 'high' WHEN 3 THEN NULL END;
  ELSEIF (NOT (OLD.`is_public` <=> NEW.`is_public`)) OR (NOT (CAST(OLD.`level` AS BINARY) <=> CAST(NEW.`level` AS BINARY))) THEN
    SET NEW.`visibility` = CASE WHEN NEW.`is_public` THEN 'public' WHEN (NEW.`is_public` IS NOT NULL) THEN 'shared' END;
    SET NEW.`rank` = CASE WHEN (CAST(NEW.`level` AS BINARY) <=> CAST('low' AS BINARY)) THEN 1 WHEN (CAST(NEW.`level` AS BINARY) <=> CAST('high' AS BINARY)) THEN 2 END;
  END IF;
END;

-- viaduct_b_thing_listed_ins, fingerprint 0c69fbb7c199
CREATE TRIGGER `viaduct_b_thing_listed_ins` BEFORE INSERT ON `thing`
FOR EACH ROW
fp_0c69fbb7c199: BEGIN
  IF NEW.`visibility` IS NOT NULL OR NEW.`rank` IS NOT NULL OR NEW.`is_public` IS NULL THEN
    SET NEW.`is_public` = (CAST(NEW.`visibility` AS BINARY) <=> CAST('public' AS BINARY));
    SET NEW.`level` = CASE NEW.`rank` WHEN 1 THEN 'low' WHEN 2 THEN 'high' WHEN 3 THEN NULL END;
  ELSE
    SET NEW.`visibility` = CASE WHEN NEW.`is_public` THEN 'public' WHEN (NEW.`is_public` IS NOT NULL) THEN 'shared' END;
    SET NEW.`rank` = CASE WHEN (CAST(NEW.`level` AS BINARY) <=> CAST('low' AS BINARY)) THEN 1 WHEN (CAST(NEW.`level` AS BINARY) <=> CAST('high' AS BINARY)) THEN 2 END;
  END IF;
END;

-- change type, moments
-- viaduct_b_thing_created_upd, fingerprint fb0bb0a59ea3
CREATE TRIGGER `viaduct_b_thing_created_upd` BEFORE UPDATE ON `thing`
FOR EACH ROW
fp_fb0bb0a59ea3: BEGIN
  IF (NOT (OLD.`created_at_int` <=> NEW.`created_at_int`)) THEN
    IF (NEW.`created_at_int` <=> (CASE WHEN NEW.`created_at` BETWEEN TIMESTAMP '1000-01-01 00:00:00' AND TIMESTAMP '9999-12-31 23:59:59.999999' THEN TIMESTAMPDIFF(MICROSECOND, TIMESTAMP '1970-01-01 00:00:00', NEW.`created_at`) END)) = 0 THEN
      SET NEW.`created_at` = (CASE WHEN NEW.`created_at_int` BETWEEN -30610224000000000 AND 253402300799999999 THEN TIMESTAMP '1970-01-01 00:00:00' + INTERVAL (NEW.`created_at_int` DIV 1000000) SECOND + INTERVAL (NEW.`created_at_int` MOD 1000000) MICROSECOND END);
    END IF;
  ELSEIF (NOT (OLD.`created_at` <=> NEW.`created_at`)) THEN
    IF (NEW.`created_at` <=> (CASE WHEN NEW.`created_at_int` BETWEEN -30610224000000000 AND 253402300799999999 THEN TIMESTAMP '1970-01-01 00:00:00' + INTERVAL (NEW.`created_at_int` DIV 1000000) SECOND + INTERVAL (NEW.`created_at_int` MOD 1000000) MICROSECOND END)) = 0 THEN
      SET NEW.`created_at_int` = (CASE WHEN NEW.`created_at` BETWEEN TIMESTAMP '1000-01-01 00:00:00' AND TIMESTAMP '9999-12-31 23:59:59.999999' THEN TIMESTAMPDIFF(MICROSECOND, TIMESTAMP '1970-01-01 00:00:00', NEW.`created_at`) END);
    END IF;
  END IF;
END;

-- viaduct_b_thing_created_ins, fingerprint 3d82066141ce
CREATE TRIGGER `viaduct_b_thing_created_ins` BEFORE INSERT ON `thing`
FOR EACH ROW
fp_3d82066141ce: BEGIN
  IF NEW.`created_at_int` IS NOT NULL THEN
    IF (NEW.`created_at_int` <=> (CASE WHEN NEW.`created_at` BETWEEN TIMESTAMP '1000-01-01 00:00:00' AND TIMESTAMP '9999-12-31 23:59:59.999999' THEN TIMESTAMPDIFF(MICROSECOND, TIMESTAMP '1970-01-01 00:00:00', NEW.`created_at`) END)) = 0 THEN
      SET NEW.`created_at` = (CASE WHEN NEW.`created_at_int` BETWEEN -30610224000000000 AND 253402300799999999 THEN TIMESTAMP '1970-01-01 00:00:00' + INTERVAL (NEW.`created_at_int` DIV 1000000) SECOND + INTERVAL (NEW.`created_at_int` MOD 1000000) MICROSECOND END);
    END IF;
  ELSE
    SET NEW.`created_at_int` = (CASE WHEN NEW.`created_at` BETWEEN TIMESTAMP '1000-01-01 00:00:00' AND TIMESTAMP '9999-12-31 23:59:59.999999' THEN TIMESTAMPDIFF(MICROSECOND, TIMESTAMP '1970-01-01 00:00:00', NEW.`created_at`) END);
  END IF;
END;

-- add column, computed
-- viaduct_b_thing_port_number_upd, fingerprint 92f1ae0c58bc
CREATE TRIGGER `viaduct_b_thing_port_number_upd` BEFORE UPDATE ON `thing`
FOR EACH ROW
fp_92f1ae0c58bc: BEGIN
  IF (NOT (OLD.`port_number` <=> NEW.`port_number`)) = 0 AND (NOT (CAST(OLD.`port` AS BINARY) <=> CAST(NEW.`port` AS BINARY))) THEN
    SET NEW.`port_number` = coalesce(CASE WHEN (CASE WHEN (COALESCE(NEW.`port` REGEXP '^-?[0-9]{1,18}$' AND NEW.`port` NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(NEW.`port` AS SIGNED) END BETWEEN -2147483648 AND 2147483647) THEN CASE WHEN (COALESCE(NEW.`port` REGEXP '^-?[0-9]{1,18}$' AND NEW.`port` NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(NEW.`port` AS SIGNED) END END, -1);
  END IF;
END;

-- viaduct_b_thing_port_number_ins, fingerprint 3db764c8b3e9
CREATE TRIGGER `viaduct_b_thing_port_number_ins` BEFORE INSERT ON `thing`
FOR EACH ROW
fp_3db764c8b3e9: BEGIN
  IF NEW.`port_number` IS NULL THEN
    SET NEW.`port_number` = coalesce(CASE WHEN (CASE WHEN (COALESCE(NEW.`port` REGEXP '^-?[0-9]{1,18}$' AND NEW.`port` NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(NEW.`port` AS SIGNED) END BETWEEN -2147483648 AND 2147483647) THEN CASE WHEN (COALESCE(NEW.`port` REGEXP '^-?[0-9]{1,18}$' AND NEW.`port` NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(NEW.`port` AS SIGNED) END END, -1);
  END IF;
END;
