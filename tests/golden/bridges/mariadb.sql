-- rename column
-- viaduct_b_thing_account_upd, fingerprint 112d387c1857
CREATE TRIGGER `viaduct_b_thing_account_upd` BEFORE UPDATE ON `thing`
FOR EACH ROW
fp_112d387c1857: BEGIN
  IF ((NOT (CAST(OLD.`login` AS BINARY) <=> CAST(NEW.`login` AS BINARY))) OR (NOT (CAST(OLD.`account` AS BINARY) <=> CAST(NEW.`account` AS BINARY)))) AND (NOT ((CAST(NEW.`account` AS BINARY) <=> CAST(NEW.`login` AS BINARY)) = 1 OR (CAST(NEW.`login` AS BINARY) <=> CAST(NEW.`account` AS BINARY)) = 1)) THEN
    IF (NOT (CAST(OLD.`account` AS BINARY) <=> CAST(NEW.`account` AS BINARY))) = 1 THEN
      SET NEW.`login` = NEW.`account`;
    ELSE
      SET NEW.`account` = NEW.`login`;
    END IF;
  END IF;
END;

-- viaduct_b_thing_account_ins, fingerprint 941faf25b5c5
CREATE TRIGGER `viaduct_b_thing_account_ins` BEFORE INSERT ON `thing`
FOR EACH ROW
fp_941faf25b5c5: BEGIN
  IF NOT ((CAST(NEW.`account` AS BINARY) <=> CAST(NEW.`login` AS BINARY)) = 1 OR NEW.`account` IS NOT NULL AND (CAST(NEW.`login` AS BINARY) <=> CAST(NEW.`account` AS BINARY)) = 1) THEN
    IF NEW.`account` IS NOT NULL THEN
      SET NEW.`login` = NEW.`account`;
    ELSE
      SET NEW.`account` = NEW.`login`;
    END IF;
  END IF;
END;

-- rename column, not null
-- viaduct_b_thing_account_upd, fingerprint 112d387c1857
CREATE TRIGGER `viaduct_b_thing_account_upd` BEFORE UPDATE ON `thing`
FOR EACH ROW
fp_112d387c1857: BEGIN
  IF ((NOT (CAST(OLD.`login` AS BINARY) <=> CAST(NEW.`login` AS BINARY))) OR (NOT (CAST(OLD.`account` AS BINARY) <=> CAST(NEW.`account` AS BINARY)))) AND (NOT ((CAST(NEW.`account` AS BINARY) <=> CAST(NEW.`login` AS BINARY)) = 1 OR (CAST(NEW.`login` AS BINARY) <=> CAST(NEW.`account` AS BINARY)) = 1)) THEN
    IF (NOT (CAST(OLD.`account` AS BINARY) <=> CAST(NEW.`account` AS BINARY))) = 1 THEN
      SET NEW.`login` = NEW.`account`;
    ELSE
      SET NEW.`account` = NEW.`login`;
    END IF;
  END IF;
END;

-- viaduct_b_thing_account_ins, fingerprint 941faf25b5c5
CREATE TRIGGER `viaduct_b_thing_account_ins` BEFORE INSERT ON `thing`
FOR EACH ROW
fp_941faf25b5c5: BEGIN
  IF NOT ((CAST(NEW.`account` AS BINARY) <=> CAST(NEW.`login` AS BINARY)) = 1 OR NEW.`account` IS NOT NULL AND (CAST(NEW.`login` AS BINARY) <=> CAST(NEW.`account` AS BINARY)) = 1) THEN
    IF NEW.`account` IS NOT NULL THEN
      SET NEW.`login` = NEW.`account`;
    ELSE
      SET NEW.`account` = NEW.`login`;
    END IF;
  END IF;
END;

-- rename column, default
-- viaduct_b_thing_account_upd, fingerprint 112d387c1857
CREATE TRIGGER `viaduct_b_thing_account_upd` BEFORE UPDATE ON `thing`
FOR EACH ROW
fp_112d387c1857: BEGIN
  IF ((NOT (CAST(OLD.`login` AS BINARY) <=> CAST(NEW.`login` AS BINARY))) OR (NOT (CAST(OLD.`account` AS BINARY) <=> CAST(NEW.`account` AS BINARY)))) AND (NOT ((CAST(NEW.`account` AS BINARY) <=> CAST(NEW.`login` AS BINARY)) = 1 OR (CAST(NEW.`login` AS BINARY) <=> CAST(NEW.`account` AS BINARY)) = 1)) THEN
    IF (NOT (CAST(OLD.`account` AS BINARY) <=> CAST(NEW.`account` AS BINARY))) = 1 THEN
      SET NEW.`login` = NEW.`account`;
    ELSE
      SET NEW.`account` = NEW.`login`;
    END IF;
  END IF;
END;

-- viaduct_b_thing_account_ins, fingerprint 941faf25b5c5
CREATE TRIGGER `viaduct_b_thing_account_ins` BEFORE INSERT ON `thing`
FOR EACH ROW
fp_941faf25b5c5: BEGIN
  IF NOT ((CAST(NEW.`account` AS BINARY) <=> CAST(NEW.`login` AS BINARY)) = 1 OR NEW.`account` IS NOT NULL AND (CAST(NEW.`login` AS BINARY) <=> CAST(NEW.`account` AS BINARY)) = 1) THEN
    IF NEW.`account` IS NOT NULL THEN
      SET NEW.`login` = NEW.`account`;
    ELSE
      SET NEW.`account` = NEW.`login`;
    END IF;
  END IF;
END;

-- change type
-- viaduct_b_thing_port_upd, fingerprint 29fdfa042d11
CREATE TRIGGER `viaduct_b_thing_port_upd` BEFORE UPDATE ON `thing`
FOR EACH ROW
fp_29fdfa042d11: BEGIN
  IF ((NOT (CAST(OLD.`port` AS BINARY) <=> CAST(NEW.`port` AS BINARY))) OR (NOT (OLD.`port_number` <=> NEW.`port_number`))) AND (NOT ((NEW.`port_number` <=> coalesce(CASE WHEN (CASE WHEN (COALESCE(NEW.`port` REGEXP '^-?[0-9]{1,18}$' AND NEW.`port` NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(NEW.`port` AS SIGNED) ELSE NULL END BETWEEN -2147483648 AND 2147483647) THEN CASE WHEN (COALESCE(NEW.`port` REGEXP '^-?[0-9]{1,18}$' AND NEW.`port` NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(NEW.`port` AS SIGNED) ELSE NULL END ELSE NULL END, CASE WHEN (NEW.`port` IS NOT NULL) THEN -1 ELSE NULL END)) = 1 OR (CAST(NEW.`port` AS BINARY) <=> CAST(CAST(NEW.`port_number` AS CHAR) AS BINARY)) = 1)) THEN
    IF (NOT (OLD.`port_number` <=> NEW.`port_number`)) = 1 THEN
      SET NEW.`port` = CAST(NEW.`port_number` AS CHAR);
    ELSE
      SET NEW.`port_number` = coalesce(CASE WHEN (CASE WHEN (COALESCE(NEW.`port` REGEXP '^-?[0-9]{1,18}$' AND NEW.`port` NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(NEW.`port` AS SIGNED) ELSE NULL END BETWEEN -2147483648 AND 2147483647) THEN CASE WHEN (COALESCE(NEW.`port` REGEXP '^-?[0-9]{1,18}$' AND NEW.`port` NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(NEW.`port` AS SIGNED) ELSE NULL END ELSE NULL END, CASE WHEN (NEW.`port` IS NOT NULL) THEN -1 ELSE NULL END);
    END IF;
  END IF;
END;

-- viaduct_b_thing_port_ins, fingerprint d076c64d975d
CREATE TRIGGER `viaduct_b_thing_port_ins` BEFORE INSERT ON `thing`
FOR EACH ROW
fp_d076c64d975d: BEGIN
  IF NOT ((NEW.`port_number` <=> coalesce(CASE WHEN (CASE WHEN (COALESCE(NEW.`port` REGEXP '^-?[0-9]{1,18}$' AND NEW.`port` NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(NEW.`port` AS SIGNED) ELSE NULL END BETWEEN -2147483648 AND 2147483647) THEN CASE WHEN (COALESCE(NEW.`port` REGEXP '^-?[0-9]{1,18}$' AND NEW.`port` NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(NEW.`port` AS SIGNED) ELSE NULL END ELSE NULL END, CASE WHEN (NEW.`port` IS NOT NULL) THEN -1 ELSE NULL END)) = 1 OR NEW.`port_number` IS NOT NULL AND (CAST(NEW.`port` AS BINARY) <=> CAST(CAST(NEW.`port_number` AS CHAR) AS BINARY)) = 1) THEN
    IF NEW.`port_number` IS NOT NULL THEN
      SET NEW.`port` = CAST(NEW.`port_number` AS CHAR);
    ELSE
      SET NEW.`port_number` = coalesce(CASE WHEN (CASE WHEN (COALESCE(NEW.`port` REGEXP '^-?[0-9]{1,18}$' AND NEW.`port` NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(NEW.`port` AS SIGNED) ELSE NULL END BETWEEN -2147483648 AND 2147483647) THEN CASE WHEN (COALESCE(NEW.`port` REGEXP '^-?[0-9]{1,18}$' AND NEW.`port` NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(NEW.`port` AS SIGNED) ELSE NULL END ELSE NULL END, CASE WHEN (NEW.`port` IS NOT NULL) THEN -1 ELSE NULL END);
    END IF;
  END IF;
END;

-- change type, narrower
-- viaduct_b_thing_narrow_upd, fingerprint 478fba62d688
CREATE TRIGGER `viaduct_b_thing_narrow_upd` BEFORE UPDATE ON `thing`
FOR EACH ROW
fp_478fba62d688: BEGIN
  IF ((NOT (CAST(OLD.`wide` AS BINARY) <=> CAST(NEW.`wide` AS BINARY))) OR (NOT (CAST(OLD.`narrow` AS BINARY) <=> CAST(NEW.`narrow` AS BINARY)))) AND (NOT ((CAST(NEW.`narrow` AS BINARY) <=> CAST(CASE WHEN (CHAR_LENGTH(NEW.`wide`) BETWEEN 0 AND 3) THEN NEW.`wide` ELSE NULL END AS BINARY)) = 1 OR (CAST(NEW.`wide` AS BINARY) <=> CAST(NEW.`narrow` AS BINARY)) = 1)) THEN
    IF (NOT (CAST(OLD.`narrow` AS BINARY) <=> CAST(NEW.`narrow` AS BINARY))) = 1 THEN
      SET NEW.`wide` = NEW.`narrow`;
    ELSE
      SET NEW.`narrow` = CASE WHEN (CHAR_LENGTH(NEW.`wide`) BETWEEN 0 AND 3) THEN NEW.`wide` ELSE NULL END;
    END IF;
  END IF;
END;

-- viaduct_b_thing_narrow_ins, fingerprint ada9f44b964f
CREATE TRIGGER `viaduct_b_thing_narrow_ins` BEFORE INSERT ON `thing`
FOR EACH ROW
fp_ada9f44b964f: BEGIN
  IF NOT ((CAST(NEW.`narrow` AS BINARY) <=> CAST(CASE WHEN (CHAR_LENGTH(NEW.`wide`) BETWEEN 0 AND 3) THEN NEW.`wide` ELSE NULL END AS BINARY)) = 1 OR NEW.`narrow` IS NOT NULL AND (CAST(NEW.`wide` AS BINARY) <=> CAST(NEW.`narrow` AS BINARY)) = 1) THEN
    IF NEW.`narrow` IS NOT NULL THEN
      SET NEW.`wide` = NEW.`narrow`;
    ELSE
      SET NEW.`narrow` = CASE WHEN (CHAR_LENGTH(NEW.`wide`) BETWEEN 0 AND 3) THEN NEW.`wide` ELSE NULL END;
    END IF;
  END IF;
END;

-- transform
-- viaduct_b_thing_visibility_upd, fingerprint 21cc1659a008
CREATE TRIGGER `viaduct_b_thing_visibility_upd` BEFORE UPDATE ON `thing`
FOR EACH ROW
fp_21cc1659a008: BEGIN
  IF ((NOT (OLD.`is_public` <=> NEW.`is_public`)) OR (NOT (CAST(OLD.`visibility` AS BINARY) <=> CAST(NEW.`visibility` AS BINARY)))) AND (NOT (NEW.`is_public` IS NOT NULL AND ((CAST(NEW.`visibility` AS BINARY) <=> CAST(CASE WHEN (NEW.`is_public` <=> true) THEN 'public' WHEN (NEW.`is_public` <=> false) THEN 'shared' ELSE NULL END AS BINARY)) = 1 OR (NEW.`is_public` <=> coalesce(CASE WHEN NEW.`visibility` IS NOT NULL AND (CAST(NEW.`visibility` AS BINARY) <=> CAST('public' AS BINARY)) = 0 AND (CAST(NEW.`visibility` AS BINARY) <=> CAST('private' AS BINARY)) = 0 AND (CAST(NEW.`visibility` AS BINARY) <=> CAST('shared' AS BINARY)) = 0 AND (CAST(NEW.`visibility` AS BINARY) <=> CAST('community' AS BINARY)) = 0 THEN false ELSE CASE WHEN (CAST(NEW.`visibility` AS BINARY) <=> CAST('public' AS BINARY)) THEN true WHEN (CAST(NEW.`visibility` AS BINARY) <=> CAST('private' AS BINARY)) THEN false WHEN (CAST(NEW.`visibility` AS BINARY) <=> CAST('shared' AS BINARY)) THEN false WHEN (CAST(NEW.`visibility` AS BINARY) <=> CAST('community' AS BINARY)) THEN false ELSE NULL END END, false)) = 1))) THEN
    IF (NOT (CAST(OLD.`visibility` AS BINARY) <=> CAST(NEW.`visibility` AS BINARY))) = 1 OR NEW.`is_public` IS NULL THEN
      SET NEW.`is_public` = coalesce(CASE WHEN NEW.`visibility` IS NOT NULL AND (CAST(NEW.`visibility` AS BINARY) <=> CAST('public' AS BINARY)) = 0 AND (CAST(NEW.`visibility` AS BINARY) <=> CAST('private' AS BINARY)) = 0 AND (CAST(NEW.`visibility` AS BINARY) <=> CAST('shared' AS BINARY)) = 0 AND (CAST(NEW.`visibility` AS BINARY) <=> CAST('community' AS BINARY)) = 0 THEN false ELSE CASE WHEN (CAST(NEW.`visibility` AS BINARY) <=> CAST('public' AS BINARY)) THEN true WHEN (CAST(NEW.`visibility` AS BINARY) <=> CAST('private' AS BINARY)) THEN false WHEN (CAST(NEW.`visibility` AS BINARY) <=> CAST('shared' AS BINARY)) THEN false WHEN (CAST(NEW.`visibility` AS BINARY) <=> CAST('community' AS BINARY)) THEN false ELSE NULL END END, false);
    ELSE
      SET NEW.`visibility` = CASE WHEN (NEW.`is_public` <=> true) THEN 'public' WHEN (NEW.`is_public` <=> false) THEN 'shared' ELSE NULL END;
    END IF;
  END IF;
END;

-- viaduct_b_thing_visibility_ins, fingerprint 58bb8372f077
CREATE TRIGGER `viaduct_b_thing_visibility_ins` BEFORE INSERT ON `thing`
FOR EACH ROW
fp_58bb8372f077: BEGIN
  IF NOT (NEW.`is_public` IS NOT NULL AND ((CAST(NEW.`visibility` AS BINARY) <=> CAST(CASE WHEN (NEW.`is_public` <=> true) THEN 'public' WHEN (NEW.`is_public` <=> false) THEN 'shared' ELSE NULL END AS BINARY)) = 1 OR NEW.`visibility` IS NOT NULL AND (NEW.`is_public` <=> coalesce(CASE WHEN NEW.`visibility` IS NOT NULL AND (CAST(NEW.`visibility` AS BINARY) <=> CAST('public' AS BINARY)) = 0 AND (CAST(NEW.`visibility` AS BINARY) <=> CAST('private' AS BINARY)) = 0 AND (CAST(NEW.`visibility` AS BINARY) <=> CAST('shared' AS BINARY)) = 0 AND (CAST(NEW.`visibility` AS BINARY) <=> CAST('community' AS BINARY)) = 0 THEN false ELSE CASE WHEN (CAST(NEW.`visibility` AS BINARY) <=> CAST('public' AS BINARY)) THEN true WHEN (CAST(NEW.`visibility` AS BINARY) <=> CAST('private' AS BINARY)) THEN false WHEN (CAST(NEW.`visibility` AS BINARY) <=> CAST('shared' AS BINARY)) THEN false WHEN (CAST(NEW.`visibility` AS BINARY) <=> CAST('community' AS BINARY)) THEN false ELSE NULL END END, false)) = 1)) THEN
    IF NEW.`visibility` IS NOT NULL OR NEW.`is_public` IS NULL THEN
      SET NEW.`is_public` = coalesce(CASE WHEN NEW.`visibility` IS NOT NULL AND (CAST(NEW.`visibility` AS BINARY) <=> CAST('public' AS BINARY)) = 0 AND (CAST(NEW.`visibility` AS BINARY) <=> CAST('private' AS BINARY)) = 0 AND (CAST(NEW.`visibility` AS BINARY) <=> CAST('shared' AS BINARY)) = 0 AND (CAST(NEW.`visibility` AS BINARY) <=> CAST('community' AS BINARY)) = 0 THEN false ELSE CASE WHEN (CAST(NEW.`visibility` AS BINARY) <=> CAST('public' AS BINARY)) THEN true WHEN (CAST(NEW.`visibility` AS BINARY) <=> CAST('private' AS BINARY)) THEN false WHEN (CAST(NEW.`visibility` AS BINARY) <=> CAST('shared' AS BINARY)) THEN false WHEN (CAST(NEW.`visibility` AS BINARY) <=> CAST('community' AS BINARY)) THEN false ELSE NULL END END, false);
    ELSE
      SET NEW.`visibility` = CASE WHEN (NEW.`is_public` <=> true) THEN 'public' WHEN (NEW.`is_public` <=> false) THEN 'shared' ELSE NULL END;
    END IF;
  END IF;
END;

-- split
-- viaduct_b_thing_socket_upd, fingerprint f6f1a21a244b
CREATE TRIGGER `viaduct_b_thing_socket_upd` BEFORE UPDATE ON `thing`
FOR EACH ROW
fp_f6f1a21a244b: BEGIN
  IF ((NOT (CAST(OLD.`socket` AS BINARY) <=> CAST(NEW.`socket` AS BINARY))) OR (NOT (CAST(OLD.`address` AS BINARY) <=> CAST(NEW.`address` AS BINARY))) OR (NOT (OLD.`port` <=> NEW.`port`))) AND (NOT ((CAST(NEW.`address` AS BINARY) <=> CAST(CASE WHEN (CHAR_LENGTH(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NEW.`socket` ELSE SUBSTRING(NEW.`socket`, 1, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) - 1) END) BETWEEN 0 AND 16) THEN CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NEW.`socket` ELSE SUBSTRING(NEW.`socket`, 1, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) - 1) END ELSE NULL END AS BINARY)) = 1 AND (NEW.`port` <=> coalesce(CASE WHEN (CASE WHEN (COALESCE(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END REGEXP '^-?[0-9]{1,18}$' AND CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END AS SIGNED) ELSE NULL END BETWEEN -2147483648 AND 2147483647) THEN CASE WHEN (COALESCE(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END REGEXP '^-?[0-9]{1,18}$' AND CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END AS SIGNED) ELSE NULL END ELSE NULL END, CASE WHEN (NEW.`socket` IS NOT NULL) THEN 0 ELSE NULL END)) = 1 OR (CAST(NEW.`socket` AS BINARY) <=> CAST(CASE WHEN (CHAR_LENGTH(CONCAT(CONCAT(NEW.`address`, ':'), CAST(NEW.`port` AS CHAR))) BETWEEN 0 AND 32) THEN CONCAT(CONCAT(NEW.`address`, ':'), CAST(NEW.`port` AS CHAR)) ELSE NULL END AS BINARY)) = 1)) THEN
    IF (NOT (CAST(OLD.`address` AS BINARY) <=> CAST(NEW.`address` AS BINARY))) = 1 OR (NOT (OLD.`port` <=> NEW.`port`)) = 1 THEN
      SET NEW.`socket` = CASE WHEN (CHAR_LENGTH(CONCAT(CONCAT(NEW.`address`, ':'), CAST(NEW.`port` AS CHAR))) BETWEEN 0 AND 32) THEN CONCAT(CONCAT(NEW.`address`, ':'), CAST(NEW.`port` AS CHAR)) ELSE NULL END;
    ELSE
      SET NEW.`address` = CASE WHEN (CHAR_LENGTH(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NEW.`socket` ELSE SUBSTRING(NEW.`socket`, 1, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) - 1) END) BETWEEN 0 AND 16) THEN CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NEW.`socket` ELSE SUBSTRING(NEW.`socket`, 1, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) - 1) END ELSE NULL END;
      SET NEW.`port` = coalesce(CASE WHEN (CASE WHEN (COALESCE(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END REGEXP '^-?[0-9]{1,18}$' AND CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END AS SIGNED) ELSE NULL END BETWEEN -2147483648 AND 2147483647) THEN CASE WHEN (COALESCE(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END REGEXP '^-?[0-9]{1,18}$' AND CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END AS SIGNED) ELSE NULL END ELSE NULL END, CASE WHEN (NEW.`socket` IS NOT NULL) THEN 0 ELSE NULL END);
    END IF;
  END IF;
END;

-- viaduct_b_thing_socket_ins, fingerprint b1ccf70da144
CREATE TRIGGER `viaduct_b_thing_socket_ins` BEFORE INSERT ON `thing`
FOR EACH ROW
fp_b1ccf70da144: BEGIN
  IF NOT ((CAST(NEW.`address` AS BINARY) <=> CAST(CASE WHEN (CHAR_LENGTH(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NEW.`socket` ELSE SUBSTRING(NEW.`socket`, 1, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) - 1) END) BETWEEN 0 AND 16) THEN CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NEW.`socket` ELSE SUBSTRING(NEW.`socket`, 1, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) - 1) END ELSE NULL END AS BINARY)) = 1 AND (NEW.`port` <=> coalesce(CASE WHEN (CASE WHEN (COALESCE(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END REGEXP '^-?[0-9]{1,18}$' AND CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END AS SIGNED) ELSE NULL END BETWEEN -2147483648 AND 2147483647) THEN CASE WHEN (COALESCE(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END REGEXP '^-?[0-9]{1,18}$' AND CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END AS SIGNED) ELSE NULL END ELSE NULL END, CASE WHEN (NEW.`socket` IS NOT NULL) THEN 0 ELSE NULL END)) = 1 OR (NEW.`address` IS NOT NULL OR NEW.`port` IS NOT NULL) AND (CAST(NEW.`socket` AS BINARY) <=> CAST(CASE WHEN (CHAR_LENGTH(CONCAT(CONCAT(NEW.`address`, ':'), CAST(NEW.`port` AS CHAR))) BETWEEN 0 AND 32) THEN CONCAT(CONCAT(NEW.`address`, ':'), CAST(NEW.`port` AS CHAR)) ELSE NULL END AS BINARY)) = 1) THEN
    IF NEW.`address` IS NOT NULL OR NEW.`port` IS NOT NULL THEN
      SET NEW.`socket` = CASE WHEN (CHAR_LENGTH(CONCAT(CONCAT(NEW.`address`, ':'), CAST(NEW.`port` AS CHAR))) BETWEEN 0 AND 32) THEN CONCAT(CONCAT(NEW.`address`, ':'), CAST(NEW.`port` AS CHAR)) ELSE NULL END;
    ELSE
      SET NEW.`address` = CASE WHEN (CHAR_LENGTH(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NEW.`socket` ELSE SUBSTRING(NEW.`socket`, 1, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) - 1) END) BETWEEN 0 AND 16) THEN CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NEW.`socket` ELSE SUBSTRING(NEW.`socket`, 1, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) - 1) END ELSE NULL END;
      SET NEW.`port` = coalesce(CASE WHEN (CASE WHEN (COALESCE(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END REGEXP '^-?[0-9]{1,18}$' AND CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END AS SIGNED) ELSE NULL END BETWEEN -2147483648 AND 2147483647) THEN CASE WHEN (COALESCE(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END REGEXP '^-?[0-9]{1,18}$' AND CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END AS SIGNED) ELSE NULL END ELSE NULL END, CASE WHEN (NEW.`socket` IS NOT NULL) THEN 0 ELSE NULL END);
    END IF;
  END IF;
END;

-- merge
-- viaduct_b_thing_name_upd, fingerprint d087469894c8
CREATE TRIGGER `viaduct_b_thing_name_upd` BEFORE UPDATE ON `thing`
FOR EACH ROW
fp_d087469894c8: BEGIN
  IF ((NOT (CAST(OLD.`first` AS BINARY) <=> CAST(NEW.`first` AS BINARY))) OR (NOT (CAST(OLD.`last` AS BINARY) <=> CAST(NEW.`last` AS BINARY))) OR (NOT (CAST(OLD.`name` AS BINARY) <=> CAST(NEW.`name` AS BINARY)))) AND (NOT ((CAST(NEW.`name` AS BINARY) <=> CAST(CASE WHEN (CHAR_LENGTH(CASE WHEN (NEW.`last` IS NULL) THEN NEW.`first` ELSE CONCAT(CONCAT(NEW.`first`, ' '), NEW.`last`) END) BETWEEN 0 AND 40) THEN CASE WHEN (NEW.`last` IS NULL) THEN NEW.`first` ELSE CONCAT(CONCAT(NEW.`first`, ' '), NEW.`last`) END ELSE NULL END AS BINARY)) = 1 OR (CAST(NEW.`first` AS BINARY) <=> CAST(CASE WHEN (CHAR_LENGTH(CASE WHEN LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NEW.`name` ELSE SUBSTRING(NEW.`name`, 1, LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) - 1) END) BETWEEN 0 AND 16) THEN CASE WHEN LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NEW.`name` ELSE SUBSTRING(NEW.`name`, 1, LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) - 1) END ELSE NULL END AS BINARY)) = 1 AND (CAST(NEW.`last` AS BINARY) <=> CAST(CASE WHEN (CHAR_LENGTH(CASE WHEN LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`name`, LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(' ')) END) BETWEEN 0 AND 16) THEN CASE WHEN LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`name`, LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(' ')) END ELSE NULL END AS BINARY)) = 1)) THEN
    IF (NOT (CAST(OLD.`name` AS BINARY) <=> CAST(NEW.`name` AS BINARY))) = 1 THEN
      SET NEW.`first` = CASE WHEN (CHAR_LENGTH(CASE WHEN LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NEW.`name` ELSE SUBSTRING(NEW.`name`, 1, LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) - 1) END) BETWEEN 0 AND 16) THEN CASE WHEN LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NEW.`name` ELSE SUBSTRING(NEW.`name`, 1, LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) - 1) END ELSE NULL END;
      SET NEW.`last` = CASE WHEN (CHAR_LENGTH(CASE WHEN LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`name`, LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(' ')) END) BETWEEN 0 AND 16) THEN CASE WHEN LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`name`, LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(' ')) END ELSE NULL END;
    ELSE
      SET NEW.`name` = CASE WHEN (CHAR_LENGTH(CASE WHEN (NEW.`last` IS NULL) THEN NEW.`first` ELSE CONCAT(CONCAT(NEW.`first`, ' '), NEW.`last`) END) BETWEEN 0 AND 40) THEN CASE WHEN (NEW.`last` IS NULL) THEN NEW.`first` ELSE CONCAT(CONCAT(NEW.`first`, ' '), NEW.`last`) END ELSE NULL END;
    END IF;
  END IF;
END;

-- viaduct_b_thing_name_ins, fingerprint 9ff2f2c86941
CREATE TRIGGER `viaduct_b_thing_name_ins` BEFORE INSERT ON `thing`
FOR EACH ROW
fp_9ff2f2c86941: BEGIN
  IF NOT ((CAST(NEW.`name` AS BINARY) <=> CAST(CASE WHEN (CHAR_LENGTH(CASE WHEN (NEW.`last` IS NULL) THEN NEW.`first` ELSE CONCAT(CONCAT(NEW.`first`, ' '), NEW.`last`) END) BETWEEN 0 AND 40) THEN CASE WHEN (NEW.`last` IS NULL) THEN NEW.`first` ELSE CONCAT(CONCAT(NEW.`first`, ' '), NEW.`last`) END ELSE NULL END AS BINARY)) = 1 OR NEW.`name` IS NOT NULL AND (CAST(NEW.`first` AS BINARY) <=> CAST(CASE WHEN (CHAR_LENGTH(CASE WHEN LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NEW.`name` ELSE SUBSTRING(NEW.`name`, 1, LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) - 1) END) BETWEEN 0 AND 16) THEN CASE WHEN LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NEW.`name` ELSE SUBSTRING(NEW.`name`, 1, LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) - 1) END ELSE NULL END AS BINARY)) = 1 AND (CAST(NEW.`last` AS BINARY) <=> CAST(CASE WHEN (CHAR_LENGTH(CASE WHEN LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`name`, LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(' ')) END) BETWEEN 0 AND 16) THEN CASE WHEN LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`name`, LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(' ')) END ELSE NULL END AS BINARY)) = 1) THEN
    IF NEW.`name` IS NOT NULL THEN
      SET NEW.`first` = CASE WHEN (CHAR_LENGTH(CASE WHEN LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NEW.`name` ELSE SUBSTRING(NEW.`name`, 1, LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) - 1) END) BETWEEN 0 AND 16) THEN CASE WHEN LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NEW.`name` ELSE SUBSTRING(NEW.`name`, 1, LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) - 1) END ELSE NULL END;
      SET NEW.`last` = CASE WHEN (CHAR_LENGTH(CASE WHEN LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`name`, LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(' ')) END) BETWEEN 0 AND 16) THEN CASE WHEN LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`name`, LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(' ')) END ELSE NULL END;
    ELSE
      SET NEW.`name` = CASE WHEN (CHAR_LENGTH(CASE WHEN (NEW.`last` IS NULL) THEN NEW.`first` ELSE CONCAT(CONCAT(NEW.`first`, ' '), NEW.`last`) END) BETWEEN 0 AND 40) THEN CASE WHEN (NEW.`last` IS NULL) THEN NEW.`first` ELSE CONCAT(CONCAT(NEW.`first`, ' '), NEW.`last`) END ELSE NULL END;
    END IF;
  END IF;
END;
