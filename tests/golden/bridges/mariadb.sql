-- rename column
-- viaduct_b_thing_account_upd, fingerprint d664fb7d87ce
CREATE TRIGGER `viaduct_b_thing_account_upd` BEFORE UPDATE ON `thing`
FOR EACH ROW
fp_d664fb7d87ce: BEGIN
  IF (CAST(NEW.`account` AS BINARY) <=> CAST(NEW.`login` AS BINARY)) = 0 THEN
    IF (NOT (CAST(OLD.`account` AS BINARY) <=> CAST(NEW.`account` AS BINARY))) THEN
      SET NEW.`login` = NEW.`account`;
    ELSEIF (NOT (CAST(OLD.`login` AS BINARY) <=> CAST(NEW.`login` AS BINARY))) THEN
      SET NEW.`account` = NEW.`login`;
    END IF;
  END IF;
END;

-- viaduct_b_thing_account_ins, fingerprint 3aeeed82f282
CREATE TRIGGER `viaduct_b_thing_account_ins` BEFORE INSERT ON `thing`
FOR EACH ROW
fp_3aeeed82f282: BEGIN
  IF (CAST(NEW.`account` AS BINARY) <=> CAST(NEW.`login` AS BINARY)) = 0 THEN
    IF NEW.`account` IS NOT NULL THEN
      SET NEW.`login` = NEW.`account`;
    ELSE
      SET NEW.`account` = NEW.`login`;
    END IF;
  END IF;
END;

-- rename column, not null
-- viaduct_b_thing_account_upd, fingerprint d664fb7d87ce
CREATE TRIGGER `viaduct_b_thing_account_upd` BEFORE UPDATE ON `thing`
FOR EACH ROW
fp_d664fb7d87ce: BEGIN
  IF (CAST(NEW.`account` AS BINARY) <=> CAST(NEW.`login` AS BINARY)) = 0 THEN
    IF (NOT (CAST(OLD.`account` AS BINARY) <=> CAST(NEW.`account` AS BINARY))) THEN
      SET NEW.`login` = NEW.`account`;
    ELSEIF (NOT (CAST(OLD.`login` AS BINARY) <=> CAST(NEW.`login` AS BINARY))) THEN
      SET NEW.`account` = NEW.`login`;
    END IF;
  END IF;
END;

-- viaduct_b_thing_account_ins, fingerprint 3aeeed82f282
CREATE TRIGGER `viaduct_b_thing_account_ins` BEFORE INSERT ON `thing`
FOR EACH ROW
fp_3aeeed82f282: BEGIN
  IF (CAST(NEW.`account` AS BINARY) <=> CAST(NEW.`login` AS BINARY)) = 0 THEN
    IF NEW.`account` IS NOT NULL THEN
      SET NEW.`login` = NEW.`account`;
    ELSE
      SET NEW.`account` = NEW.`login`;
    END IF;
  END IF;
END;

-- rename column, default
-- viaduct_b_thing_account_upd, fingerprint d664fb7d87ce
CREATE TRIGGER `viaduct_b_thing_account_upd` BEFORE UPDATE ON `thing`
FOR EACH ROW
fp_d664fb7d87ce: BEGIN
  IF (CAST(NEW.`account` AS BINARY) <=> CAST(NEW.`login` AS BINARY)) = 0 THEN
    IF (NOT (CAST(OLD.`account` AS BINARY) <=> CAST(NEW.`account` AS BINARY))) THEN
      SET NEW.`login` = NEW.`account`;
    ELSEIF (NOT (CAST(OLD.`login` AS BINARY) <=> CAST(NEW.`login` AS BINARY))) THEN
      SET NEW.`account` = NEW.`login`;
    END IF;
  END IF;
END;

-- viaduct_b_thing_account_ins, fingerprint 3aeeed82f282
CREATE TRIGGER `viaduct_b_thing_account_ins` BEFORE INSERT ON `thing`
FOR EACH ROW
fp_3aeeed82f282: BEGIN
  IF (CAST(NEW.`account` AS BINARY) <=> CAST(NEW.`login` AS BINARY)) = 0 THEN
    IF NEW.`account` IS NOT NULL THEN
      SET NEW.`login` = NEW.`account`;
    ELSE
      SET NEW.`account` = NEW.`login`;
    END IF;
  END IF;
END;

-- change type
-- viaduct_b_thing_port_upd, fingerprint a1bce705a236
CREATE TRIGGER `viaduct_b_thing_port_upd` BEFORE UPDATE ON `thing`
FOR EACH ROW
fp_a1bce705a236: BEGIN
  IF ((NOT (CAST(OLD.`port` AS BINARY) <=> CAST(NEW.`port` AS BINARY))) OR (NOT (OLD.`port_number` <=> NEW.`port_number`))) AND (NOT ((NEW.`port_number` <=> coalesce(CASE WHEN (CASE WHEN (COALESCE(NEW.`port` REGEXP '^-?[0-9]{1,18}$' AND NEW.`port` NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(NEW.`port` AS SIGNED) ELSE NULL END BETWEEN -2147483648 AND 2147483647) THEN CASE WHEN (COALESCE(NEW.`port` REGEXP '^-?[0-9]{1,18}$' AND NEW.`port` NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(NEW.`port` AS SIGNED) ELSE NULL END ELSE NULL END, CASE WHEN (NEW.`port` IS NOT NULL) THEN -1 ELSE NULL END)) OR (CAST(NEW.`port` AS BINARY) <=> CAST(CAST(NEW.`port_number` AS CHAR) AS BINARY)))) THEN
    IF (NOT (OLD.`port_number` <=> NEW.`port_number`)) THEN
      SET NEW.`port` = CAST(NEW.`port_number` AS CHAR);
    ELSE
      SET NEW.`port_number` = coalesce(CASE WHEN (CASE WHEN (COALESCE(NEW.`port` REGEXP '^-?[0-9]{1,18}$' AND NEW.`port` NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(NEW.`port` AS SIGNED) ELSE NULL END BETWEEN -2147483648 AND 2147483647) THEN CASE WHEN (COALESCE(NEW.`port` REGEXP '^-?[0-9]{1,18}$' AND NEW.`port` NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(NEW.`port` AS SIGNED) ELSE NULL END ELSE NULL END, CASE WHEN (NEW.`port` IS NOT NULL) THEN -1 ELSE NULL END);
    END IF;
  END IF;
END;

-- viaduct_b_thing_port_ins, fingerprint 0009b02d03ca
CREATE TRIGGER `viaduct_b_thing_port_ins` BEFORE INSERT ON `thing`
FOR EACH ROW
fp_0009b02d03ca: BEGIN
  IF NOT ((NEW.`port_number` <=> coalesce(CASE WHEN (CASE WHEN (COALESCE(NEW.`port` REGEXP '^-?[0-9]{1,18}$' AND NEW.`port` NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(NEW.`port` AS SIGNED) ELSE NULL END BETWEEN -2147483648 AND 2147483647) THEN CASE WHEN (COALESCE(NEW.`port` REGEXP '^-?[0-9]{1,18}$' AND NEW.`port` NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(NEW.`port` AS SIGNED) ELSE NULL END ELSE NULL END, CASE WHEN (NEW.`port` IS NOT NULL) THEN -1 ELSE NULL END)) OR NEW.`port_number` IS NOT NULL AND (CAST(NEW.`port` AS BINARY) <=> CAST(CAST(NEW.`port_number` AS CHAR) AS BINARY))) THEN
    IF NEW.`port_number` IS NOT NULL THEN
      SET NEW.`port` = CAST(NEW.`port_number` AS CHAR);
    ELSE
      SET NEW.`port_number` = coalesce(CASE WHEN (CASE WHEN (COALESCE(NEW.`port` REGEXP '^-?[0-9]{1,18}$' AND NEW.`port` NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(NEW.`port` AS SIGNED) ELSE NULL END BETWEEN -2147483648 AND 2147483647) THEN CASE WHEN (COALESCE(NEW.`port` REGEXP '^-?[0-9]{1,18}$' AND NEW.`port` NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(NEW.`port` AS SIGNED) ELSE NULL END ELSE NULL END, CASE WHEN (NEW.`port` IS NOT NULL) THEN -1 ELSE NULL END);
    END IF;
  END IF;
END;

-- change type, narrower
-- viaduct_b_thing_narrow_upd, fingerprint 89e4cd5522e7
CREATE TRIGGER `viaduct_b_thing_narrow_upd` BEFORE UPDATE ON `thing`
FOR EACH ROW
fp_89e4cd5522e7: BEGIN
  IF ((NOT (CAST(OLD.`wide` AS BINARY) <=> CAST(NEW.`wide` AS BINARY))) OR (NOT (CAST(OLD.`narrow` AS BINARY) <=> CAST(NEW.`narrow` AS BINARY)))) AND (NOT ((CAST(NEW.`narrow` AS BINARY) <=> CAST(CASE WHEN (CHAR_LENGTH(NEW.`wide`) BETWEEN 0 AND 3) THEN NEW.`wide` ELSE NULL END AS BINARY)) OR (CAST(NEW.`wide` AS BINARY) <=> CAST(NEW.`narrow` AS BINARY)))) THEN
    IF (NOT (CAST(OLD.`narrow` AS BINARY) <=> CAST(NEW.`narrow` AS BINARY))) THEN
      SET NEW.`wide` = NEW.`narrow`;
    ELSE
      SET NEW.`narrow` = CASE WHEN (CHAR_LENGTH(NEW.`wide`) BETWEEN 0 AND 3) THEN NEW.`wide` ELSE NULL END;
    END IF;
  END IF;
END;

-- viaduct_b_thing_narrow_ins, fingerprint 5cb362b8f3a1
CREATE TRIGGER `viaduct_b_thing_narrow_ins` BEFORE INSERT ON `thing`
FOR EACH ROW
fp_5cb362b8f3a1: BEGIN
  IF NOT ((CAST(NEW.`narrow` AS BINARY) <=> CAST(CASE WHEN (CHAR_LENGTH(NEW.`wide`) BETWEEN 0 AND 3) THEN NEW.`wide` ELSE NULL END AS BINARY)) OR NEW.`narrow` IS NOT NULL AND (CAST(NEW.`wide` AS BINARY) <=> CAST(NEW.`narrow` AS BINARY))) THEN
    IF NEW.`narrow` IS NOT NULL THEN
      SET NEW.`wide` = NEW.`narrow`;
    ELSE
      SET NEW.`narrow` = CASE WHEN (CHAR_LENGTH(NEW.`wide`) BETWEEN 0 AND 3) THEN NEW.`wide` ELSE NULL END;
    END IF;
  END IF;
END;

-- transform
-- viaduct_b_thing_visibility_upd, fingerprint 5366d96c1782
CREATE TRIGGER `viaduct_b_thing_visibility_upd` BEFORE UPDATE ON `thing`
FOR EACH ROW
fp_5366d96c1782: BEGIN
  IF ((NOT (OLD.`is_public` <=> NEW.`is_public`)) OR (NOT (CAST(OLD.`visibility` AS BINARY) <=> CAST(NEW.`visibility` AS BINARY)))) AND (NOT (NEW.`is_public` IS NOT NULL AND ((CAST(NEW.`visibility` AS BINARY) <=> CAST(CASE WHEN (NEW.`is_public` <=> true) THEN 'public' WHEN (NEW.`is_public` <=> false) THEN 'shared' ELSE NULL END AS BINARY)) OR (NEW.`is_public` <=> coalesce(CASE WHEN NEW.`visibility` IS NOT NULL AND (CAST(NEW.`visibility` AS BINARY) <=> CAST('public' AS BINARY)) = 0 AND (CAST(NEW.`visibility` AS BINARY) <=> CAST('private' AS BINARY)) = 0 AND (CAST(NEW.`visibility` AS BINARY) <=> CAST('shared' AS BINARY)) = 0 AND (CAST(NEW.`visibility` AS BINARY) <=> CAST('community' AS BINARY)) = 0 THEN false ELSE CASE WHEN (CAST(NEW.`visibility` AS BINARY) <=> CAST('public' AS BINARY)) THEN true WHEN (CAST(NEW.`visibility` AS BINARY) <=> CAST('private' AS BINARY)) THEN false WHEN (CAST(NEW.`visibility` AS BINARY) <=> CAST('shared' AS BINARY)) THEN false WHEN (CAST(NEW.`visibility` AS BINARY) <=> CAST('community' AS BINARY)) THEN false ELSE NULL END END, false))))) THEN
    IF (NOT (CAST(OLD.`visibility` AS BINARY) <=> CAST(NEW.`visibility` AS BINARY))) OR NEW.`is_public` IS NULL THEN
      SET NEW.`is_public` = coalesce(CASE WHEN NEW.`visibility` IS NOT NULL AND (CAST(NEW.`visibility` AS BINARY) <=> CAST('public' AS BINARY)) = 0 AND (CAST(NEW.`visibility` AS BINARY) <=> CAST('private' AS BINARY)) = 0 AND (CAST(NEW.`visibility` AS BINARY) <=> CAST('shared' AS BINARY)) = 0 AND (CAST(NEW.`visibility` AS BINARY) <=> CAST('community' AS BINARY)) = 0 THEN false ELSE CASE WHEN (CAST(NEW.`visibility` AS BINARY) <=> CAST('public' AS BINARY)) THEN true WHEN (CAST(NEW.`visibility` AS BINARY) <=> CAST('private' AS BINARY)) THEN false WHEN (CAST(NEW.`visibility` AS BINARY) <=> CAST('shared' AS BINARY)) THEN false WHEN (CAST(NEW.`visibility` AS BINARY) <=> CAST('community' AS BINARY)) THEN false ELSE NULL END END, false);
    ELSE
      SET NEW.`visibility` = CASE WHEN (NEW.`is_public` <=> true) THEN 'public' WHEN (NEW.`is_public` <=> false) THEN 'shared' ELSE NULL END;
    END IF;
  END IF;
END;

-- viaduct_b_thing_visibility_ins, fingerprint cbc56ab75f2b
CREATE TRIGGER `viaduct_b_thing_visibility_ins` BEFORE INSERT ON `thing`
FOR EACH ROW
fp_cbc56ab75f2b: BEGIN
  IF NOT (NEW.`is_public` IS NOT NULL AND ((CAST(NEW.`visibility` AS BINARY) <=> CAST(CASE WHEN (NEW.`is_public` <=> true) THEN 'public' WHEN (NEW.`is_public` <=> false) THEN 'shared' ELSE NULL END AS BINARY)) OR NEW.`visibility` IS NOT NULL AND (NEW.`is_public` <=> coalesce(CASE WHEN NEW.`visibility` IS NOT NULL AND (CAST(NEW.`visibility` AS BINARY) <=> CAST('public' AS BINARY)) = 0 AND (CAST(NEW.`visibility` AS BINARY) <=> CAST('private' AS BINARY)) = 0 AND (CAST(NEW.`visibility` AS BINARY) <=> CAST('shared' AS BINARY)) = 0 AND (CAST(NEW.`visibility` AS BINARY) <=> CAST('community' AS BINARY)) = 0 THEN false ELSE CASE WHEN (CAST(NEW.`visibility` AS BINARY) <=> CAST('public' AS BINARY)) THEN true WHEN (CAST(NEW.`visibility` AS BINARY) <=> CAST('private' AS BINARY)) THEN false WHEN (CAST(NEW.`visibility` AS BINARY) <=> CAST('shared' AS BINARY)) THEN false WHEN (CAST(NEW.`visibility` AS BINARY) <=> CAST('community' AS BINARY)) THEN false ELSE NULL END END, false)))) THEN
    IF NEW.`visibility` IS NOT NULL OR NEW.`is_public` IS NULL THEN
      SET NEW.`is_public` = coalesce(CASE WHEN NEW.`visibility` IS NOT NULL AND (CAST(NEW.`visibility` AS BINARY) <=> CAST('public' AS BINARY)) = 0 AND (CAST(NEW.`visibility` AS BINARY) <=> CAST('private' AS BINARY)) = 0 AND (CAST(NEW.`visibility` AS BINARY) <=> CAST('shared' AS BINARY)) = 0 AND (CAST(NEW.`visibility` AS BINARY) <=> CAST('community' AS BINARY)) = 0 THEN false ELSE CASE WHEN (CAST(NEW.`visibility` AS BINARY) <=> CAST('public' AS BINARY)) THEN true WHEN (CAST(NEW.`visibility` AS BINARY) <=> CAST('private' AS BINARY)) THEN false WHEN (CAST(NEW.`visibility` AS BINARY) <=> CAST('shared' AS BINARY)) THEN false WHEN (CAST(NEW.`visibility` AS BINARY) <=> CAST('community' AS BINARY)) THEN false ELSE NULL END END, false);
    ELSE
      SET NEW.`visibility` = CASE WHEN (NEW.`is_public` <=> true) THEN 'public' WHEN (NEW.`is_public` <=> false) THEN 'shared' ELSE NULL END;
    END IF;
  END IF;
END;

-- split
-- viaduct_b_thing_socket_upd, fingerprint 5ffcdc6b229d
CREATE TRIGGER `viaduct_b_thing_socket_upd` BEFORE UPDATE ON `thing`
FOR EACH ROW
fp_5ffcdc6b229d: BEGIN
  IF ((NOT (CAST(OLD.`socket` AS BINARY) <=> CAST(NEW.`socket` AS BINARY))) OR (NOT (CAST(OLD.`address` AS BINARY) <=> CAST(NEW.`address` AS BINARY))) OR (NOT (OLD.`port` <=> NEW.`port`))) AND (NOT ((CAST(NEW.`address` AS BINARY) <=> CAST(CASE WHEN (CHAR_LENGTH(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NEW.`socket` ELSE SUBSTRING(NEW.`socket`, 1, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) - 1) END) BETWEEN 0 AND 16) THEN CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NEW.`socket` ELSE SUBSTRING(NEW.`socket`, 1, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) - 1) END ELSE NULL END AS BINARY)) AND (NEW.`port` <=> coalesce(CASE WHEN (CASE WHEN (COALESCE(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END REGEXP '^-?[0-9]{1,18}$' AND CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END AS SIGNED) ELSE NULL END BETWEEN -2147483648 AND 2147483647) THEN CASE WHEN (COALESCE(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END REGEXP '^-?[0-9]{1,18}$' AND CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END AS SIGNED) ELSE NULL END ELSE NULL END, CASE WHEN (NEW.`socket` IS NOT NULL) THEN 0 ELSE NULL END)) OR (CAST(NEW.`socket` AS BINARY) <=> CAST(CASE WHEN (CHAR_LENGTH(CONCAT(CONCAT(NEW.`address`, ':'), CAST(NEW.`port` AS CHAR))) BETWEEN 0 AND 32) THEN CONCAT(CONCAT(NEW.`address`, ':'), CAST(NEW.`port` AS CHAR)) ELSE NULL END AS BINARY)))) THEN
    IF (NOT (CAST(OLD.`address` AS BINARY) <=> CAST(NEW.`address` AS BINARY))) OR (NOT (OLD.`port` <=> NEW.`port`)) THEN
      SET NEW.`socket` = CASE WHEN (CHAR_LENGTH(CONCAT(CONCAT(NEW.`address`, ':'), CAST(NEW.`port` AS CHAR))) BETWEEN 0 AND 32) THEN CONCAT(CONCAT(NEW.`address`, ':'), CAST(NEW.`port` AS CHAR)) ELSE NULL END;
    ELSE
      SET NEW.`address` = CASE WHEN (CHAR_LENGTH(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NEW.`socket` ELSE SUBSTRING(NEW.`socket`, 1, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) - 1) END) BETWEEN 0 AND 16) THEN CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NEW.`socket` ELSE SUBSTRING(NEW.`socket`, 1, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) - 1) END ELSE NULL END;
      SET NEW.`port` = coalesce(CASE WHEN (CASE WHEN (COALESCE(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END REGEXP '^-?[0-9]{1,18}$' AND CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END AS SIGNED) ELSE NULL END BETWEEN -2147483648 AND 2147483647) THEN CASE WHEN (COALESCE(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END REGEXP '^-?[0-9]{1,18}$' AND CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END AS SIGNED) ELSE NULL END ELSE NULL END, CASE WHEN (NEW.`socket` IS NOT NULL) THEN 0 ELSE NULL END);
    END IF;
  END IF;
END;

-- viaduct_b_thing_socket_ins, fingerprint deebca19e499
CREATE TRIGGER `viaduct_b_thing_socket_ins` BEFORE INSERT ON `thing`
FOR EACH ROW
fp_deebca19e499: BEGIN
  IF NOT ((CAST(NEW.`address` AS BINARY) <=> CAST(CASE WHEN (CHAR_LENGTH(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NEW.`socket` ELSE SUBSTRING(NEW.`socket`, 1, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) - 1) END) BETWEEN 0 AND 16) THEN CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NEW.`socket` ELSE SUBSTRING(NEW.`socket`, 1, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) - 1) END ELSE NULL END AS BINARY)) AND (NEW.`port` <=> coalesce(CASE WHEN (CASE WHEN (COALESCE(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END REGEXP '^-?[0-9]{1,18}$' AND CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END AS SIGNED) ELSE NULL END BETWEEN -2147483648 AND 2147483647) THEN CASE WHEN (COALESCE(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END REGEXP '^-?[0-9]{1,18}$' AND CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END AS SIGNED) ELSE NULL END ELSE NULL END, CASE WHEN (NEW.`socket` IS NOT NULL) THEN 0 ELSE NULL END)) OR (NEW.`address` IS NOT NULL OR NEW.`port` IS NOT NULL) AND (CAST(NEW.`socket` AS BINARY) <=> CAST(CASE WHEN (CHAR_LENGTH(CONCAT(CONCAT(NEW.`address`, ':'), CAST(NEW.`port` AS CHAR))) BETWEEN 0 AND 32) THEN CONCAT(CONCAT(NEW.`address`, ':'), CAST(NEW.`port` AS CHAR)) ELSE NULL END AS BINARY))) THEN
    IF NEW.`address` IS NOT NULL OR NEW.`port` IS NOT NULL THEN
      SET NEW.`socket` = CASE WHEN (CHAR_LENGTH(CONCAT(CONCAT(NEW.`address`, ':'), CAST(NEW.`port` AS CHAR))) BETWEEN 0 AND 32) THEN CONCAT(CONCAT(NEW.`address`, ':'), CAST(NEW.`port` AS CHAR)) ELSE NULL END;
    ELSE
      SET NEW.`address` = CASE WHEN (CHAR_LENGTH(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NEW.`socket` ELSE SUBSTRING(NEW.`socket`, 1, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) - 1) END) BETWEEN 0 AND 16) THEN CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NEW.`socket` ELSE SUBSTRING(NEW.`socket`, 1, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) - 1) END ELSE NULL END;
      SET NEW.`port` = coalesce(CASE WHEN (CASE WHEN (COALESCE(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END REGEXP '^-?[0-9]{1,18}$' AND CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END AS SIGNED) ELSE NULL END BETWEEN -2147483648 AND 2147483647) THEN CASE WHEN (COALESCE(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END REGEXP '^-?[0-9]{1,18}$' AND CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(CASE WHEN LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`socket`, LOCATE(':', CONVERT(NEW.`socket` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(':')) END AS SIGNED) ELSE NULL END ELSE NULL END, CASE WHEN (NEW.`socket` IS NOT NULL) THEN 0 ELSE NULL END);
    END IF;
  END IF;
END;

-- merge
-- viaduct_b_thing_name_upd, fingerprint a421b8cfd239
CREATE TRIGGER `viaduct_b_thing_name_upd` BEFORE UPDATE ON `thing`
FOR EACH ROW
fp_a421b8cfd239: BEGIN
  IF ((NOT (CAST(OLD.`first` AS BINARY) <=> CAST(NEW.`first` AS BINARY))) OR (NOT (CAST(OLD.`last` AS BINARY) <=> CAST(NEW.`last` AS BINARY))) OR (NOT (CAST(OLD.`name` AS BINARY) <=> CAST(NEW.`name` AS BINARY)))) AND (NOT ((CAST(NEW.`name` AS BINARY) <=> CAST(CASE WHEN (CHAR_LENGTH(CASE WHEN (NEW.`last` IS NULL) THEN NEW.`first` ELSE CONCAT(CONCAT(NEW.`first`, ' '), NEW.`last`) END) BETWEEN 0 AND 40) THEN CASE WHEN (NEW.`last` IS NULL) THEN NEW.`first` ELSE CONCAT(CONCAT(NEW.`first`, ' '), NEW.`last`) END ELSE NULL END AS BINARY)) OR (CAST(NEW.`first` AS BINARY) <=> CAST(CASE WHEN (CHAR_LENGTH(CASE WHEN LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NEW.`name` ELSE SUBSTRING(NEW.`name`, 1, LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) - 1) END) BETWEEN 0 AND 16) THEN CASE WHEN LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NEW.`name` ELSE SUBSTRING(NEW.`name`, 1, LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) - 1) END ELSE NULL END AS BINARY)) AND (CAST(NEW.`last` AS BINARY) <=> CAST(CASE WHEN (CHAR_LENGTH(CASE WHEN LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`name`, LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(' ')) END) BETWEEN 0 AND 16) THEN CASE WHEN LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`name`, LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(' ')) END ELSE NULL END AS BINARY)))) THEN
    IF (NOT (CAST(OLD.`name` AS BINARY) <=> CAST(NEW.`name` AS BINARY))) THEN
      SET NEW.`first` = CASE WHEN (CHAR_LENGTH(CASE WHEN LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NEW.`name` ELSE SUBSTRING(NEW.`name`, 1, LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) - 1) END) BETWEEN 0 AND 16) THEN CASE WHEN LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NEW.`name` ELSE SUBSTRING(NEW.`name`, 1, LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) - 1) END ELSE NULL END;
      SET NEW.`last` = CASE WHEN (CHAR_LENGTH(CASE WHEN LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`name`, LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(' ')) END) BETWEEN 0 AND 16) THEN CASE WHEN LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`name`, LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(' ')) END ELSE NULL END;
    ELSE
      SET NEW.`name` = CASE WHEN (CHAR_LENGTH(CASE WHEN (NEW.`last` IS NULL) THEN NEW.`first` ELSE CONCAT(CONCAT(NEW.`first`, ' '), NEW.`last`) END) BETWEEN 0 AND 40) THEN CASE WHEN (NEW.`last` IS NULL) THEN NEW.`first` ELSE CONCAT(CONCAT(NEW.`first`, ' '), NEW.`last`) END ELSE NULL END;
    END IF;
  END IF;
END;

-- viaduct_b_thing_name_ins, fingerprint 544767c4fd2f
CREATE TRIGGER `viaduct_b_thing_name_ins` BEFORE INSERT ON `thing`
FOR EACH ROW
fp_544767c4fd2f: BEGIN
  IF NOT ((CAST(NEW.`name` AS BINARY) <=> CAST(CASE WHEN (CHAR_LENGTH(CASE WHEN (NEW.`last` IS NULL) THEN NEW.`first` ELSE CONCAT(CONCAT(NEW.`first`, ' '), NEW.`last`) END) BETWEEN 0 AND 40) THEN CASE WHEN (NEW.`last` IS NULL) THEN NEW.`first` ELSE CONCAT(CONCAT(NEW.`first`, ' '), NEW.`last`) END ELSE NULL END AS BINARY)) OR NEW.`name` IS NOT NULL AND (CAST(NEW.`first` AS BINARY) <=> CAST(CASE WHEN (CHAR_LENGTH(CASE WHEN LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NEW.`name` ELSE SUBSTRING(NEW.`name`, 1, LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) - 1) END) BETWEEN 0 AND 16) THEN CASE WHEN LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NEW.`name` ELSE SUBSTRING(NEW.`name`, 1, LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) - 1) END ELSE NULL END AS BINARY)) AND (CAST(NEW.`last` AS BINARY) <=> CAST(CASE WHEN (CHAR_LENGTH(CASE WHEN LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`name`, LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(' ')) END) BETWEEN 0 AND 16) THEN CASE WHEN LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`name`, LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(' ')) END ELSE NULL END AS BINARY))) THEN
    IF NEW.`name` IS NOT NULL THEN
      SET NEW.`first` = CASE WHEN (CHAR_LENGTH(CASE WHEN LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NEW.`name` ELSE SUBSTRING(NEW.`name`, 1, LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) - 1) END) BETWEEN 0 AND 16) THEN CASE WHEN LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NEW.`name` ELSE SUBSTRING(NEW.`name`, 1, LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) - 1) END ELSE NULL END;
      SET NEW.`last` = CASE WHEN (CHAR_LENGTH(CASE WHEN LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`name`, LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(' ')) END) BETWEEN 0 AND 16) THEN CASE WHEN LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) = 0 THEN NULL ELSE SUBSTRING(NEW.`name`, LOCATE(' ', CONVERT(NEW.`name` USING utf8mb4) COLLATE utf8mb4_bin) + CHAR_LENGTH(' ')) END ELSE NULL END;
    ELSE
      SET NEW.`name` = CASE WHEN (CHAR_LENGTH(CASE WHEN (NEW.`last` IS NULL) THEN NEW.`first` ELSE CONCAT(CONCAT(NEW.`first`, ' '), NEW.`last`) END) BETWEEN 0 AND 40) THEN CASE WHEN (NEW.`last` IS NULL) THEN NEW.`first` ELSE CONCAT(CONCAT(NEW.`first`, ' '), NEW.`last`) END ELSE NULL END;
    END IF;
  END IF;
END;

-- transform, enumerations
-- viaduct_b_thing_listed_upd, fingerprint 846f4360716f
CREATE TRIGGER `viaduct_b_thing_listed_upd` BEFORE UPDATE ON `thing`
FOR EACH ROW
fp_846f4360716f: BEGIN
  IF ((NOT (OLD.`is_public` <=> NEW.`is_public`)) OR (NOT (CAST(OLD.`level` AS BINARY) <=> CAST(NEW.`level` AS BINARY))) OR (NOT (CAST(OLD.`visibility` AS BINARY) <=> CAST(NEW.`visibility` AS BINARY))) OR (NOT (OLD.`rank` <=> NEW.`rank`))) AND (NOT (NEW.`is_public` IS NOT NULL AND ((CAST(NEW.`visibility` AS BINARY) <=> CAST(CASE WHEN (NEW.`is_public` <=> true) THEN 'public' WHEN (NEW.`is_public` <=> false) THEN 'shared' ELSE NULL END AS BINARY)) AND (NEW.`rank` <=> CASE WHEN (CAST(NEW.`level` AS BINARY) <=> CAST('low' AS BINARY)) THEN 1 WHEN (CAST(NEW.`level` AS BINARY) <=> CAST('high' AS BINARY)) THEN 2 ELSE NULL END) OR (NEW.`is_public` <=> coalesce(CASE WHEN NEW.`visibility` IS NOT NULL AND (CAST(NEW.`visibility` AS BINARY) <=> CAST('public' AS BINARY)) = 0 AND (CAST(NEW.`visibility` AS BINARY) <=> CAST('private' AS BINARY)) = 0 AND (CAST(NEW.`visibility` AS BINARY) <=> CAST('shared' AS BINARY)) = 0 AND (CAST(NEW.`visibility` AS BINARY) <=> CAST('community' AS BINARY)) = 0 THEN false ELSE CASE WHEN (CAST(NEW.`visibility` AS BINARY) <=> CAST('public' AS BINARY)) THEN true WHEN (CAST(NEW.`visibility` AS BINARY) <=> CAST('private' AS BINARY)) THEN false WHEN (CAST(NEW.`visibility` AS BINARY) <=> CAST('shared' AS BINARY)) THEN false WHEN (CAST(NEW.`visibility` AS BINARY) <=> CAST('community' AS BINARY)) THEN false ELSE NULL END END, false)) AND (CAST(NEW.`level` AS BINARY) <=> CAST(CASE WHEN ((CAST(CASE WHEN (NEW.`rank` <=> 1) THEN 'low' WHEN (NEW.`rank` <=> 2) THEN 'high' WHEN (NEW.`rank` <=> 3) THEN 'higher' ELSE NULL END AS BINARY) <=> CAST('low' AS BINARY)) OR (CAST(CASE WHEN (NEW.`rank` <=> 1) THEN 'low' WHEN (NEW.`rank` <=> 2) THEN 'high' WHEN (NEW.`rank` <=> 3) THEN 'higher' ELSE NULL END AS BINARY) <=> CAST('high' AS BINARY))) THEN CASE WHEN (NEW.`rank` <=> 1) THEN 'low' WHEN (NEW.`rank` <=> 2) THEN 'high' WHEN (NEW.`rank` <=> 3) THEN 'higher' ELSE NULL END ELSE NULL END AS BINARY))))) THEN
    IF (NOT (CAST(OLD.`visibility` AS BINARY) <=> CAST(NEW.`visibility` AS BINARY))) OR (NOT (OLD.`rank` <=> NEW.`rank`)) OR NEW.`is_public` IS NULL THEN
      SET NEW.`is_public` = coalesce(CASE WHEN NEW.`visibility` IS NOT NULL AND (CAST(NEW.`visibility` AS BINARY) <=> CAST('public' AS BINARY)) = 0 AND (CAST(NEW.`visibility` AS BINARY) <=> CAST('private' AS BINARY)) = 0 AND (CAST(NEW.`visibility` AS BINARY) <=> CAST('shared' AS BINARY)) = 0 AND (CAST(NEW.`visibility` AS BINARY) <=> CAST('community' AS BINARY)) = 0 THEN false ELSE CASE WHEN (CAST(NEW.`visibility` AS BINARY) <=> CAST('public' AS BINARY)) THEN true WHEN (CAST(NEW.`visibility` AS BINARY) <=> CAST('private' AS BINARY)) THEN false WHEN (CAST(NEW.`visibility` AS BINARY) <=> CAST('shared' AS BINARY)) THEN false WHEN (CAST(NEW.`visibility` AS BINARY) <=> CAST('community' AS BINARY)) THEN false ELSE NULL END END, false);
      SET NEW.`level` = CASE WHEN ((CAST(CASE WHEN (NEW.`rank` <=> 1) THEN 'low' WHEN (NEW.`rank` <=> 2) THEN 'high' WHEN (NEW.`rank` <=> 3) THEN 'higher' ELSE NULL END AS BINARY) <=> CAST('low' AS BINARY)) OR (CAST(CASE WHEN (NEW.`rank` <=> 1) THEN 'low' WHEN (NEW.`rank` <=> 2) THEN 'high' WHEN (NEW.`rank` <=> 3) THEN 'higher' ELSE NULL END AS BINARY) <=> CAST('high' AS BINARY))) THEN CASE WHEN (NEW.`rank` <=> 1) THEN 'low' WHEN (NEW.`rank` <=> 2) THEN 'high' WHEN (NEW.`rank` <=> 3) THEN 'higher' ELSE NULL END ELSE NULL END;
    ELSE
      SET NEW.`visibility` = CASE WHEN (NEW.`is_public` <=> true) THEN 'public' WHEN (NEW.`is_public` <=> false) THEN 'shared' ELSE NULL END;
      SET NEW.`rank` = CASE WHEN (CAST(NEW.`level` AS BINARY) <=> CAST('low' AS BINARY)) THEN 1 WHEN (CAST(NEW.`level` AS BINARY) <=> CAST('high' AS BINARY)) THEN 2 ELSE NULL END;
    END IF;
  END IF;
END;

-- viaduct_b_thing_listed_ins, fingerprint f1c4f2000cd8
CREATE TRIGGER `viaduct_b_thing_listed_ins` BEFORE INSERT ON `thing`
FOR EACH ROW
fp_f1c4f2000cd8: BEGIN
  IF NOT (NEW.`is_public` IS NOT NULL AND ((CAST(NEW.`visibility` AS BINARY) <=> CAST(CASE WHEN (NEW.`is_public` <=> true) THEN 'public' WHEN (NEW.`is_public` <=> false) THEN 'shared' ELSE NULL END AS BINARY)) AND (NEW.`rank` <=> CASE WHEN (CAST(NEW.`level` AS BINARY) <=> CAST('low' AS BINARY)) THEN 1 WHEN (CAST(NEW.`level` AS BINARY) <=> CAST('high' AS BINARY)) THEN 2 ELSE NULL END) OR (NEW.`visibility` IS NOT NULL OR NEW.`rank` IS NOT NULL) AND (NEW.`is_public` <=> coalesce(CASE WHEN NEW.`visibility` IS NOT NULL AND (CAST(NEW.`visibility` AS BINARY) <=> CAST('public' AS BINARY)) = 0 AND (CAST(NEW.`visibility` AS BINARY) <=> CAST('private' AS BINARY)) = 0 AND (CAST(NEW.`visibility` AS BINARY) <=> CAST('shared' AS BINARY)) = 0 AND (CAST(NEW.`visibility` AS BINARY) <=> CAST('community' AS BINARY)) = 0 THEN false ELSE CASE WHEN (CAST(NEW.`visibility` AS BINARY) <=> CAST('public' AS BINARY)) THEN true WHEN (CAST(NEW.`visibility` AS BINARY) <=> CAST('private' AS BINARY)) THEN false WHEN (CAST(NEW.`visibility` AS BINARY) <=> CAST('shared' AS BINARY)) THEN false WHEN (CAST(NEW.`visibility` AS BINARY) <=> CAST('community' AS BINARY)) THEN false ELSE NULL END END, false)) AND (CAST(NEW.`level` AS BINARY) <=> CAST(CASE WHEN ((CAST(CASE WHEN (NEW.`rank` <=> 1) THEN 'low' WHEN (NEW.`rank` <=> 2) THEN 'high' WHEN (NEW.`rank` <=> 3) THEN 'higher' ELSE NULL END AS BINARY) <=> CAST('low' AS BINARY)) OR (CAST(CASE WHEN (NEW.`rank` <=> 1) THEN 'low' WHEN (NEW.`rank` <=> 2) THEN 'high' WHEN (NEW.`rank` <=> 3) THEN 'higher' ELSE NULL END AS BINARY) <=> CAST('high' AS BINARY))) THEN CASE WHEN (NEW.`rank` <=> 1) THEN 'low' WHEN (NEW.`rank` <=> 2) THEN 'high' WHEN (NEW.`rank` <=> 3) THEN 'higher' ELSE NULL END ELSE NULL END AS BINARY)))) THEN
    IF NEW.`visibility` IS NOT NULL OR NEW.`rank` IS NOT NULL OR NEW.`is_public` IS NULL THEN
      SET NEW.`is_public` = coalesce(CASE WHEN NEW.`visibility` IS NOT NULL AND (CAST(NEW.`visibility` AS BINARY) <=> CAST('public' AS BINARY)) = 0 AND (CAST(NEW.`visibility` AS BINARY) <=> CAST('private' AS BINARY)) = 0 AND (CAST(NEW.`visibility` AS BINARY) <=> CAST('shared' AS BINARY)) = 0 AND (CAST(NEW.`visibility` AS BINARY) <=> CAST('community' AS BINARY)) = 0 THEN false ELSE CASE WHEN (CAST(NEW.`visibility` AS BINARY) <=> CAST('public' AS BINARY)) THEN true WHEN (CAST(NEW.`visibility` AS BINARY) <=> CAST('private' AS BINARY)) THEN false WHEN (CAST(NEW.`visibility` AS BINARY) <=> CAST('shared' AS BINARY)) THEN false WHEN (CAST(NEW.`visibility` AS BINARY) <=> CAST('community' AS BINARY)) THEN false ELSE NULL END END, false);
      SET NEW.`level` = CASE WHEN ((CAST(CASE WHEN (NEW.`rank` <=> 1) THEN 'low' WHEN (NEW.`rank` <=> 2) THEN 'high' WHEN (NEW.`rank` <=> 3) THEN 'higher' ELSE NULL END AS BINARY) <=> CAST('low' AS BINARY)) OR (CAST(CASE WHEN (NEW.`rank` <=> 1) THEN 'low' WHEN (NEW.`rank` <=> 2) THEN 'high' WHEN (NEW.`rank` <=> 3) THEN 'higher' ELSE NULL END AS BINARY) <=> CAST('high' AS BINARY))) THEN CASE WHEN (NEW.`rank` <=> 1) THEN 'low' WHEN (NEW.`rank` <=> 2) THEN 'high' WHEN (NEW.`rank` <=> 3) THEN 'higher' ELSE NULL END ELSE NULL END;
    ELSE
      SET NEW.`visibility` = CASE WHEN (NEW.`is_public` <=> true) THEN 'public' WHEN (NEW.`is_public` <=> false) THEN 'shared' ELSE NULL END;
      SET NEW.`rank` = CASE WHEN (CAST(NEW.`level` AS BINARY) <=> CAST('low' AS BINARY)) THEN 1 WHEN (CAST(NEW.`level` AS BINARY) <=> CAST('high' AS BINARY)) THEN 2 ELSE NULL END;
    END IF;
  END IF;
END;

-- change type, moments
-- viaduct_b_thing_created_upd, fingerprint b50635f606db
CREATE TRIGGER `viaduct_b_thing_created_upd` BEFORE UPDATE ON `thing`
FOR EACH ROW
fp_b50635f606db: BEGIN
  IF ((NOT (OLD.`created_at` <=> NEW.`created_at`)) OR (NOT (OLD.`created_at_int` <=> NEW.`created_at_int`))) AND (NOT ((NEW.`created_at_int` <=> (CASE WHEN NEW.`created_at` BETWEEN TIMESTAMP '1000-01-01 00:00:00' AND TIMESTAMP '9999-12-31 23:59:59.999999' THEN TIMESTAMPDIFF(MICROSECOND, TIMESTAMP '1970-01-01 00:00:00', NEW.`created_at`) END)) OR (NEW.`created_at` <=> (CASE WHEN NEW.`created_at_int` BETWEEN -30610224000000000 AND 253402300799999999 THEN TIMESTAMP '1970-01-01 00:00:00' + INTERVAL (NEW.`created_at_int` DIV 1000000) SECOND + INTERVAL (NEW.`created_at_int` MOD 1000000) MICROSECOND END)))) THEN
    IF (NOT (OLD.`created_at_int` <=> NEW.`created_at_int`)) THEN
      SET NEW.`created_at` = (CASE WHEN NEW.`created_at_int` BETWEEN -30610224000000000 AND 253402300799999999 THEN TIMESTAMP '1970-01-01 00:00:00' + INTERVAL (NEW.`created_at_int` DIV 1000000) SECOND + INTERVAL (NEW.`created_at_int` MOD 1000000) MICROSECOND END);
    ELSE
      SET NEW.`created_at_int` = (CASE WHEN NEW.`created_at` BETWEEN TIMESTAMP '1000-01-01 00:00:00' AND TIMESTAMP '9999-12-31 23:59:59.999999' THEN TIMESTAMPDIFF(MICROSECOND, TIMESTAMP '1970-01-01 00:00:00', NEW.`created_at`) END);
    END IF;
  END IF;
END;

-- viaduct_b_thing_created_ins, fingerprint c1a81b58eef2
CREATE TRIGGER `viaduct_b_thing_created_ins` BEFORE INSERT ON `thing`
FOR EACH ROW
fp_c1a81b58eef2: BEGIN
  IF NOT ((NEW.`created_at_int` <=> (CASE WHEN NEW.`created_at` BETWEEN TIMESTAMP '1000-01-01 00:00:00' AND TIMESTAMP '9999-12-31 23:59:59.999999' THEN TIMESTAMPDIFF(MICROSECOND, TIMESTAMP '1970-01-01 00:00:00', NEW.`created_at`) END)) OR NEW.`created_at_int` IS NOT NULL AND (NEW.`created_at` <=> (CASE WHEN NEW.`created_at_int` BETWEEN -30610224000000000 AND 253402300799999999 THEN TIMESTAMP '1970-01-01 00:00:00' + INTERVAL (NEW.`created_at_int` DIV 1000000) SECOND + INTERVAL (NEW.`created_at_int` MOD 1000000) MICROSECOND END))) THEN
    IF NEW.`created_at_int` IS NOT NULL THEN
      SET NEW.`created_at` = (CASE WHEN NEW.`created_at_int` BETWEEN -30610224000000000 AND 253402300799999999 THEN TIMESTAMP '1970-01-01 00:00:00' + INTERVAL (NEW.`created_at_int` DIV 1000000) SECOND + INTERVAL (NEW.`created_at_int` MOD 1000000) MICROSECOND END);
    ELSE
      SET NEW.`created_at_int` = (CASE WHEN NEW.`created_at` BETWEEN TIMESTAMP '1000-01-01 00:00:00' AND TIMESTAMP '9999-12-31 23:59:59.999999' THEN TIMESTAMPDIFF(MICROSECOND, TIMESTAMP '1970-01-01 00:00:00', NEW.`created_at`) END);
    END IF;
  END IF;
END;

-- add column, computed
-- viaduct_b_thing_port_number_upd, fingerprint a739c85ec3be
CREATE TRIGGER `viaduct_b_thing_port_number_upd` BEFORE UPDATE ON `thing`
FOR EACH ROW
fp_a739c85ec3be: BEGIN
  IF ((NOT (CAST(OLD.`port` AS BINARY) <=> CAST(NEW.`port` AS BINARY)))) AND ((NEW.`port_number` <=> coalesce(coalesce(CASE WHEN (CASE WHEN (COALESCE(NEW.`port` REGEXP '^-?[0-9]{1,18}$' AND NEW.`port` NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(NEW.`port` AS SIGNED) ELSE NULL END BETWEEN -2147483648 AND 2147483647) THEN CASE WHEN (COALESCE(NEW.`port` REGEXP '^-?[0-9]{1,18}$' AND NEW.`port` NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(NEW.`port` AS SIGNED) ELSE NULL END ELSE NULL END, CASE WHEN (NEW.`port` IS NOT NULL) THEN -1 ELSE NULL END), -1)) = 0) THEN
    IF (NOT (OLD.`port_number` <=> NEW.`port_number`)) = 0 THEN
      SET NEW.`port_number` = coalesce(coalesce(CASE WHEN (CASE WHEN (COALESCE(NEW.`port` REGEXP '^-?[0-9]{1,18}$' AND NEW.`port` NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(NEW.`port` AS SIGNED) ELSE NULL END BETWEEN -2147483648 AND 2147483647) THEN CASE WHEN (COALESCE(NEW.`port` REGEXP '^-?[0-9]{1,18}$' AND NEW.`port` NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(NEW.`port` AS SIGNED) ELSE NULL END ELSE NULL END, CASE WHEN (NEW.`port` IS NOT NULL) THEN -1 ELSE NULL END), -1);
    END IF;
  END IF;
END;

-- viaduct_b_thing_port_number_ins, fingerprint f338e1d361ee
CREATE TRIGGER `viaduct_b_thing_port_number_ins` BEFORE INSERT ON `thing`
FOR EACH ROW
fp_f338e1d361ee: BEGIN
  IF (NEW.`port_number` <=> coalesce(coalesce(CASE WHEN (CASE WHEN (COALESCE(NEW.`port` REGEXP '^-?[0-9]{1,18}$' AND NEW.`port` NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(NEW.`port` AS SIGNED) ELSE NULL END BETWEEN -2147483648 AND 2147483647) THEN CASE WHEN (COALESCE(NEW.`port` REGEXP '^-?[0-9]{1,18}$' AND NEW.`port` NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(NEW.`port` AS SIGNED) ELSE NULL END ELSE NULL END, CASE WHEN (NEW.`port` IS NOT NULL) THEN -1 ELSE NULL END), -1)) = 0 THEN
    IF NEW.`port_number` IS NULL THEN
      SET NEW.`port_number` = coalesce(coalesce(CASE WHEN (CASE WHEN (COALESCE(NEW.`port` REGEXP '^-?[0-9]{1,18}$' AND NEW.`port` NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(NEW.`port` AS SIGNED) ELSE NULL END BETWEEN -2147483648 AND 2147483647) THEN CASE WHEN (COALESCE(NEW.`port` REGEXP '^-?[0-9]{1,18}$' AND NEW.`port` NOT REGEXP '[^-0-9]', FALSE)) THEN CAST(NEW.`port` AS SIGNED) ELSE NULL END ELSE NULL END, CASE WHEN (NEW.`port` IS NOT NULL) THEN -1 ELSE NULL END), -1);
    END IF;
  END IF;
END;
