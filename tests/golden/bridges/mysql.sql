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
-- viaduct_b_thing_port_upd, fingerprint 67668e66a112
CREATE TRIGGER `viaduct_b_thing_port_upd` BEFORE UPDATE ON `thing`
FOR EACH ROW
fp_67668e66a112: BEGIN
  IF (NOT (OLD.`port_number` <=> NEW.`port_number`)) THEN
    IF (NEW.`port_number` <=> coalesce(CASE WHEN (CASE WHEN (COALESCE(NEW.`port` REGEXP '^-?[0-9]{1,18}$' AND NEW.`port` NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(NEW.`port` AS SIGNED) ELSE NULL END BETWEEN -2147483648 AND 2147483647) THEN CASE WHEN (COALESCE(NEW.`port` REGEXP '^-?[0-9]{1,18}$' AND NEW.`port` NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(NEW.`port` AS SIGNED) ELSE NULL END ELSE NULL END, CASE WHEN (NEW.`port` IS NOT NULL) THEN -1 ELSE NULL END)) = 0 THEN
      SET NEW.`port` = CAST(NEW.`port_number` AS CHAR);
    END IF;
  ELSEIF (NOT (CAST(OLD.`port` AS BINARY) <=> CAST(NEW.`port` AS BINARY))) THEN
    IF (CAST(NEW.`port` AS BINARY) <=> CAST(CAST(NEW.`port_number` AS CHAR) AS BINARY)) = 0 THEN
      SET NEW.`port_number` = coalesce(CASE WHEN (CASE WHEN (COALESCE(NEW.`port` REGEXP '^-?[0-9]{1,18}$' AND NEW.`port` NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(NEW.`port` AS SIGNED) ELSE NULL END BETWEEN -2147483648 AND 2147483647) THEN CASE WHEN (COALESCE(NEW.`port` REGEXP '^-?[0-9]{1,18}$' AND NEW.`port` NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(NEW.`port` AS SIGNED) ELSE NULL END ELSE NULL END, CASE WHEN (NEW.`port` IS NOT NULL) THEN -1 ELSE NULL END);
    END IF;
  END IF;
END;

-- viaduct_b_thing_port_ins, fingerprint 7838764df0af
CREATE TRIGGER `viaduct_b_thing_port_ins` BEFORE INSERT ON `thing`
FOR EACH ROW
fp_7838764df0af: BEGIN
  IF NEW.`port_number` IS NOT NULL THEN
    IF (NEW.`port_number` <=> coalesce(CASE WHEN (CASE WHEN (COALESCE(NEW.`port` REGEXP '^-?[0-9]{1,18}$' AND NEW.`port` NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(NEW.`port` AS SIGNED) ELSE NULL END BETWEEN -2147483648 AND 2147483647) THEN CASE WHEN (COALESCE(NEW.`port` REGEXP '^-?[0-9]{1,18}$' AND NEW.`port` NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(NEW.`port` AS SIGNED) ELSE NULL END ELSE NULL END, CASE WHEN (NEW.`port` IS NOT NULL) THEN -1 ELSE NULL END)) = 0 THEN
      SET NEW.`port` = CAST(NEW.`port_number` AS CHAR);
    END IF;
  ELSE
    SET NEW.`port_number` = coalesce(CASE WHEN (CASE WHEN (COALESCE(NEW.`port` REGEXP '^-?[0-9]{1,18}$' AND NEW.`port` NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(NEW.`port` AS SIGNED) ELSE NULL END BETWEEN -2147483648 AND 2147483647) THEN CASE WHEN (COALESCE(NEW.`port` REGEXP '^-?[0-9]{1,18}$' AND NEW.`port` NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(NEW.`port` AS SIGNED) ELSE NULL END ELSE NULL END, CASE WHEN (NEW.`port` IS NOT NULL) THEN -1 ELSE NULL END);
  END IF;
END;

-- change type, narrower
-- viaduct_b_thing_narrow_upd, fingerprint 0cc70e0d472d
CREATE TRIGGER `viaduct_b_thing_narrow_upd` BEFORE UPDATE ON `thing`
FOR EACH ROW
fp_0cc70e0d472d: BEGIN
  IF (NOT (CAST(OLD.`narrow` AS BINARY) <=> CAST(NEW.`narrow` AS BINARY))) THEN
    IF (CAST(NEW.`narrow` AS BINARY) <=> CAST(CASE WHEN (CHAR_LENGTH(NEW.`wide`) BETWEEN 0 AND 3) THEN NEW.`wide` ELSE NULL END AS BINARY)) = 0 THEN
      SET NEW.`wide` = NEW.`narrow`;
    END IF;
  ELSEIF (NOT (CAST(OLD.`wide` AS BINARY) <=> CAST(NEW.`wide` AS BINARY))) THEN
    IF (CAST(NEW.`wide` AS BINARY) <=> CAST(NEW.`narrow` AS BINARY)) = 0 THEN
      SET NEW.`narrow` = CASE WHEN (CHAR_LENGTH(NEW.`wide`) BETWEEN 0 AND 3) THEN NEW.`wide` ELSE NULL END;
    END IF;
  END IF;
END;

-- viaduct_b_thing_narrow_ins, fingerprint d6050f57afd8
CREATE TRIGGER `viaduct_b_thing_narrow_ins` BEFORE INSERT ON `thing`
FOR EACH ROW
fp_d6050f57afd8: BEGIN
  IF NEW.`narrow` IS NOT NULL THEN
    IF (CAST(NEW.`narrow` AS BINARY) <=> CAST(CASE WHEN (CHAR_LENGTH(NEW.`wide`) BETWEEN 0 AND 3) THEN NEW.`wide` ELSE NULL END AS BINARY)) = 0 THEN
      SET NEW.`wide` = NEW.`narrow`;
    END IF;
  ELSE
    SET NEW.`narrow` = CASE WHEN (CHAR_LENGTH(NEW.`wide`) BETWEEN 0 AND 3) THEN NEW.`wide` ELSE NULL END;
  END IF;
END;

-- transform
-- viaduct_b_thing_visibility_upd, fingerprint 606fd66fd934
CREATE TRIGGER `viaduct_b_thing_visibility_upd` BEFORE UPDATE ON `thing`
FOR EACH ROW
fp_606fd66fd934: BEGIN
  IF (NOT (CAST(OLD.`visibility` AS BINARY) <=> CAST(NEW.`visibility` AS BINARY))) OR NEW.`is_public` IS NULL THEN
    SET NEW.`is_public` = (CAST(NEW.`visibility` AS BINARY) <=> CAST('public' AS BINARY));
  ELSEIF (NOT (OLD.`is_public` <=> NEW.`is_public`)) THEN
    SET NEW.`visibility` = CASE NEW.`is_public` WHEN true THEN 'public' WHEN false THEN 'shared' ELSE NULL END;
  END IF;
END;

-- viaduct_b_thing_visibility_ins, fingerprint 499a55d1f615
CREATE TRIGGER `viaduct_b_thing_visibility_ins` BEFORE INSERT ON `thing`
FOR EACH ROW
fp_499a55d1f615: BEGIN
  IF NEW.`visibility` IS NOT NULL OR NEW.`is_public` IS NULL THEN
    SET NEW.`is_public` = (CAST(NEW.`visibility` AS BINARY) <=> CAST('public' AS BINARY));
  ELSE
    SET NEW.`visibility` = CASE NEW.`is_public` WHEN true THEN 'public' WHEN false THEN 'shared' ELSE NULL END;
  END IF;
END;

-- split
-- viaduct_b_thing_socket_upd, fingerprint 56f4bbb456d2
CREATE TRIGGER `viaduct_b_thing_socket_upd` BEFORE UPDATE ON `thing`
FOR EACH ROW
fp_56f4bbb456d2: BEGIN
  IF (NOT (CAST(OLD.`address` AS BINARY) <=> CAST(NEW.`address` AS BINARY))) OR (NOT (OLD.`port` <=> NEW.`port`)) THEN
    IF NOT ((CAST(NEW.`address` AS BINARY) <=> CAST(CASE WHEN (CHAR_LENGTH(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NEW.`socket` ELSE SUBSTRING(NEW.`socket`, 1, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) - 1) END) BETWEEN 0 AND 16) THEN CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NEW.`socket` ELSE SUBSTRING(NEW.`socket`, 1, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) - 1) END ELSE NULL END AS BINARY)) AND (NEW.`port` <=> coalesce(CASE WHEN (CASE WHEN (COALESCE(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END REGEXP '^-?[0-9]{1,18}$' AND CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END AS SIGNED) ELSE NULL END BETWEEN -2147483648 AND 2147483647) THEN CASE WHEN (COALESCE(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END REGEXP '^-?[0-9]{1,18}$' AND CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END AS SIGNED) ELSE NULL END ELSE NULL END, CASE WHEN (NEW.`socket` IS NOT NULL) THEN 0 ELSE NULL END))) THEN
      SET NEW.`socket` = CASE WHEN (CHAR_LENGTH(CONCAT(CONCAT(NEW.`address`, ':'), CAST(NEW.`port` AS CHAR))) BETWEEN 0 AND 32) THEN CONCAT(CONCAT(NEW.`address`, ':'), CAST(NEW.`port` AS CHAR)) ELSE NULL END;
    END IF;
  ELSEIF (NOT (CAST(OLD.`socket` AS BINARY) <=> CAST(NEW.`socket` AS BINARY))) THEN
    IF (CAST(NEW.`socket` AS BINARY) <=> CAST(CASE WHEN (CHAR_LENGTH(CONCAT(CONCAT(NEW.`address`, ':'), CAST(NEW.`port` AS CHAR))) BETWEEN 0 AND 32) THEN CONCAT(CONCAT(NEW.`address`, ':'), CAST(NEW.`port` AS CHAR)) ELSE NULL END AS BINARY)) = 0 THEN
      SET NEW.`address` = CASE WHEN (CHAR_LENGTH(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NEW.`socket` ELSE SUBSTRING(NEW.`socket`, 1, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) - 1) END) BETWEEN 0 AND 16) THEN CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NEW.`socket` ELSE SUBSTRING(NEW.`socket`, 1, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) - 1) END ELSE NULL END;
      SET NEW.`port` = coalesce(CASE WHEN (CASE WHEN (COALESCE(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END REGEXP '^-?[0-9]{1,18}$' AND CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END AS SIGNED) ELSE NULL END BETWEEN -2147483648 AND 2147483647) THEN CASE WHEN (COALESCE(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END REGEXP '^-?[0-9]{1,18}$' AND CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END AS SIGNED) ELSE NULL END ELSE NULL END, CASE WHEN (NEW.`socket` IS NOT NULL) THEN 0 ELSE NULL END);
    END IF;
  END IF;
END;

-- viaduct_b_thing_socket_ins, fingerprint 56d8eb8a2b81
CREATE TRIGGER `viaduct_b_thing_socket_ins` BEFORE INSERT ON `thing`
FOR EACH ROW
fp_56d8eb8a2b81: BEGIN
  IF NEW.`address` IS NOT NULL OR NEW.`port` IS NOT NULL THEN
    IF NOT ((CAST(NEW.`address` AS BINARY) <=> CAST(CASE WHEN (CHAR_LENGTH(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NEW.`socket` ELSE SUBSTRING(NEW.`socket`, 1, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) - 1) END) BETWEEN 0 AND 16) THEN CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NEW.`socket` ELSE SUBSTRING(NEW.`socket`, 1, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) - 1) END ELSE NULL END AS BINARY)) AND (NEW.`port` <=> coalesce(CASE WHEN (CASE WHEN (COALESCE(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END REGEXP '^-?[0-9]{1,18}$' AND CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END AS SIGNED) ELSE NULL END BETWEEN -2147483648 AND 2147483647) THEN CASE WHEN (COALESCE(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END REGEXP '^-?[0-9]{1,18}$' AND CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END AS SIGNED) ELSE NULL END ELSE NULL END, CASE WHEN (NEW.`socket` IS NOT NULL) THEN 0 ELSE NULL END))) THEN
      SET NEW.`socket` = CASE WHEN (CHAR_LENGTH(CONCAT(CONCAT(NEW.`address`, ':'), CAST(NEW.`port` AS CHAR))) BETWEEN 0 AND 32) THEN CONCAT(CONCAT(NEW.`address`, ':'), CAST(NEW.`port` AS CHAR)) ELSE NULL END;
    END IF;
  ELSE
    SET NEW.`address` = CASE WHEN (CHAR_LENGTH(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NEW.`socket` ELSE SUBSTRING(NEW.`socket`, 1, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) - 1) END) BETWEEN 0 AND 16) THEN CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NEW.`socket` ELSE SUBSTRING(NEW.`socket`, 1, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) - 1) END ELSE NULL END;
    SET NEW.`port` = coalesce(CASE WHEN (CASE WHEN (COALESCE(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END REGEXP '^-?[0-9]{1,18}$' AND CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END AS SIGNED) ELSE NULL END BETWEEN -2147483648 AND 2147483647) THEN CASE WHEN (COALESCE(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END REGEXP '^-?[0-9]{1,18}$' AND CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END AS SIGNED) ELSE NULL END ELSE NULL END, CASE WHEN (NEW.`socket` IS NOT NULL) THEN 0 ELSE NULL END);
  END IF;
END;

-- merge
-- viaduct_b_thing_name_upd, fingerprint f68ed1c223ef
CREATE TRIGGER `viaduct_b_thing_name_upd` BEFORE UPDATE ON `thing`
FOR EACH ROW
fp_f68ed1c223ef: BEGIN
  IF (NOT (CAST(OLD.`name` AS BINARY) <=> CAST(NEW.`name` AS BINARY))) THEN
    IF (CAST(NEW.`name` AS BINARY) <=> CAST(CASE WHEN (CHAR_LENGTH(CASE WHEN (NEW.`last` IS NULL) THEN NEW.`first` ELSE CONCAT(CONCAT(NEW.`first`, ' '), NEW.`last`) END) BETWEEN 0 AND 40) THEN CASE WHEN (NEW.`last` IS NULL) THEN NEW.`first` ELSE CONCAT(CONCAT(NEW.`first`, ' '), NEW.`last`) END ELSE NULL END AS BINARY)) = 0 THEN
      SET NEW.`first` = CASE WHEN (CHAR_LENGTH(CASE WHEN LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NEW.`name` ELSE SUBSTRING(NEW.`name`, 1, LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) - 1) END) BETWEEN 0 AND 16) THEN CASE WHEN LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NEW.`name` ELSE SUBSTRING(NEW.`name`, 1, LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) - 1) END ELSE NULL END;
      SET NEW.`last` = CASE WHEN (CHAR_LENGTH(CASE WHEN LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`name`, LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(' ')) END) BETWEEN 0 AND 16) THEN CASE WHEN LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`name`, LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(' ')) END ELSE NULL END;
    END IF;
  ELSEIF (NOT (CAST(OLD.`first` AS BINARY) <=> CAST(NEW.`first` AS BINARY))) OR (NOT (CAST(OLD.`last` AS BINARY) <=> CAST(NEW.`last` AS BINARY))) THEN
    IF NOT ((CAST(NEW.`first` AS BINARY) <=> CAST(CASE WHEN (CHAR_LENGTH(CASE WHEN LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NEW.`name` ELSE SUBSTRING(NEW.`name`, 1, LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) - 1) END) BETWEEN 0 AND 16) THEN CASE WHEN LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NEW.`name` ELSE SUBSTRING(NEW.`name`, 1, LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) - 1) END ELSE NULL END AS BINARY)) AND (CAST(NEW.`last` AS BINARY) <=> CAST(CASE WHEN (CHAR_LENGTH(CASE WHEN LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`name`, LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(' ')) END) BETWEEN 0 AND 16) THEN CASE WHEN LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`name`, LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(' ')) END ELSE NULL END AS BINARY))) THEN
      SET NEW.`name` = CASE WHEN (CHAR_LENGTH(CASE WHEN (NEW.`last` IS NULL) THEN NEW.`first` ELSE CONCAT(CONCAT(NEW.`first`, ' '), NEW.`last`) END) BETWEEN 0 AND 40) THEN CASE WHEN (NEW.`last` IS NULL) THEN NEW.`first` ELSE CONCAT(CONCAT(NEW.`first`, ' '), NEW.`last`) END ELSE NULL END;
    END IF;
  END IF;
END;

-- viaduct_b_thing_name_ins, fingerprint 6066a52e4c20
CREATE TRIGGER `viaduct_b_thing_name_ins` BEFORE INSERT ON `thing`
FOR EACH ROW
fp_6066a52e4c20: BEGIN
  IF NEW.`name` IS NOT NULL THEN
    IF (CAST(NEW.`name` AS BINARY) <=> CAST(CASE WHEN (CHAR_LENGTH(CASE WHEN (NEW.`last` IS NULL) THEN NEW.`first` ELSE CONCAT(CONCAT(NEW.`first`, ' '), NEW.`last`) END) BETWEEN 0 AND 40) THEN CASE WHEN (NEW.`last` IS NULL) THEN NEW.`first` ELSE CONCAT(CONCAT(NEW.`first`, ' '), NEW.`last`) END ELSE NULL END AS BINARY)) = 0 THEN
      SET NEW.`first` = CASE WHEN (CHAR_LENGTH(CASE WHEN LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NEW.`name` ELSE SUBSTRING(NEW.`name`, 1, LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) - 1) END) BETWEEN 0 AND 16) THEN CASE WHEN LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NEW.`name` ELSE SUBSTRING(NEW.`name`, 1, LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) - 1) END ELSE NULL END;
      SET NEW.`last` = CASE WHEN (CHAR_LENGTH(CASE WHEN LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`name`, LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(' ')) END) BETWEEN 0 AND 16) THEN CASE WHEN LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`name`, LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(' ')) END ELSE NULL END;
    END IF;
  ELSE
    SET NEW.`name` = CASE WHEN (CHAR_LENGTH(CASE WHEN (NEW.`last` IS NULL) THEN NEW.`first` ELSE CONCAT(CONCAT(NEW.`first`, ' '), NEW.`last`) END) BETWEEN 0 AND 40) THEN CASE WHEN (NEW.`last` IS NULL) THEN NEW.`first` ELSE CONCAT(CONCAT(NEW.`first`, ' '), NEW.`last`) END ELSE NULL END;
  END IF;
END;

-- transform, enumerations
-- viaduct_b_thing_listed_upd, fingerprint 34a2e612610f
CREATE TRIGGER `viaduct_b_thing_listed_upd` BEFORE UPDATE ON `thing`
FOR EACH ROW
fp_34a2e612610f: BEGIN
  IF (NOT (CAST(OLD.`visibility` AS BINARY) <=> CAST(NEW.`visibility` AS BINARY))) OR (NOT (OLD.`rank` <=> NEW.`rank`)) OR NEW.`is_public` IS NULL THEN
    SET NEW.`is_public` = (CAST(NEW.`visibility` AS BINARY) <=> CAST('public' AS BINARY));
    SET NEW.`level` = CASE NEW.`rank` WHEN 1 THEN 'low' WHEN 2 THEN 'high' WHEN 3 THEN NULL ELSE NULL END;
  ELSEIF (NOT (OLD.`is_public` <=> NEW.`is_public`)) OR (NOT (CAST(OLD.`level` AS BINARY) <=> CAST(NEW.`level` AS BINARY))) THEN
    SET NEW.`visibility` = CASE NEW.`is_public` WHEN true THEN 'public' WHEN false THEN 'shared' ELSE NULL END;
    SET NEW.`rank` = CASE WHEN (CAST(NEW.`level` AS BINARY) <=> CAST('low' AS BINARY)) THEN 1 WHEN (CAST(NEW.`level` AS BINARY) <=> CAST('high' AS BINARY)) THEN 2 ELSE NULL END;
  END IF;
END;

-- viaduct_b_thing_listed_ins, fingerprint dd194fa862f2
CREATE TRIGGER `viaduct_b_thing_listed_ins` BEFORE INSERT ON `thing`
FOR EACH ROW
fp_dd194fa862f2: BEGIN
  IF NEW.`visibility` IS NOT NULL OR NEW.`rank` IS NOT NULL OR NEW.`is_public` IS NULL THEN
    SET NEW.`is_public` = (CAST(NEW.`visibility` AS BINARY) <=> CAST('public' AS BINARY));
    SET NEW.`level` = CASE NEW.`rank` WHEN 1 THEN 'low' WHEN 2 THEN 'high' WHEN 3 THEN NULL ELSE NULL END;
  ELSE
    SET NEW.`visibility` = CASE NEW.`is_public` WHEN true THEN 'public' WHEN false THEN 'shared' ELSE NULL END;
    SET NEW.`rank` = CASE WHEN (CAST(NEW.`level` AS BINARY) <=> CAST('low' AS BINARY)) THEN 1 WHEN (CAST(NEW.`level` AS BINARY) <=> CAST('high' AS BINARY)) THEN 2 ELSE NULL END;
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
-- viaduct_b_thing_port_number_upd, fingerprint 8f49e8167d2e
CREATE TRIGGER `viaduct_b_thing_port_number_upd` BEFORE UPDATE ON `thing`
FOR EACH ROW
fp_8f49e8167d2e: BEGIN
  IF (NOT (OLD.`port_number` <=> NEW.`port_number`)) = 0 AND (NOT (CAST(OLD.`port` AS BINARY) <=> CAST(NEW.`port` AS BINARY))) THEN
    SET NEW.`port_number` = coalesce(CASE WHEN (CASE WHEN (COALESCE(NEW.`port` REGEXP '^-?[0-9]{1,18}$' AND NEW.`port` NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(NEW.`port` AS SIGNED) ELSE NULL END BETWEEN -2147483648 AND 2147483647) THEN CASE WHEN (COALESCE(NEW.`port` REGEXP '^-?[0-9]{1,18}$' AND NEW.`port` NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(NEW.`port` AS SIGNED) ELSE NULL END ELSE NULL END, -1);
  END IF;
END;

-- viaduct_b_thing_port_number_ins, fingerprint e552e5ae4753
CREATE TRIGGER `viaduct_b_thing_port_number_ins` BEFORE INSERT ON `thing`
FOR EACH ROW
fp_e552e5ae4753: BEGIN
  IF NEW.`port_number` IS NULL THEN
    SET NEW.`port_number` = coalesce(CASE WHEN (CASE WHEN (COALESCE(NEW.`port` REGEXP '^-?[0-9]{1,18}$' AND NEW.`port` NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(NEW.`port` AS SIGNED) ELSE NULL END BETWEEN -2147483648 AND 2147483647) THEN CASE WHEN (COALESCE(NEW.`port` REGEXP '^-?[0-9]{1,18}$' AND NEW.`port` NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(NEW.`port` AS SIGNED) ELSE NULL END ELSE NULL END, -1);
  END IF;
END;
