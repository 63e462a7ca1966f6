ALTER TABLE "access_rule" SET LOCALITY GLOBAL; -- read at log-in: credentials
ALTER TABLE "access_token" SET LOCALITY REGIONAL BY TABLE IN PRIMARY REGION; -- made and dropped as OAuth1 goes on
ALTER TABLE "application_credential" SET LOCALITY GLOBAL; -- read at log-in: credentials
ALTER TABLE "application_credential_access_rule" SET LOCALITY GLOBAL; -- read at log-in: credentials
ALTER TABLE "application_credential_role" SET LOCALITY GLOBAL; -- read at log-in: credentials
ALTER TABLE "assignment" SET LOCALITY GLOBAL; -- read with every token: roles and grants
ALTER TABLE "config_register" SET LOCALITY GLOBAL; -- read at start: configuration of domains
ALTER TABLE "consumer" SET LOCALITY GLOBAL; -- read at log-in: credentials
ALTER TABLE "credential" SET LOCALITY GLOBAL; -- read at log-in: credentials
ALTER TABLE "endpoint" SET LOCALITY GLOBAL; -- read with every token: the catalog
ALTER TABLE "endpoint_group" SET LOCALITY GLOBAL; -- read with every token: the catalog
ALTER TABLE "expiring_user_group_membership" SET LOCALITY REGIONAL BY TABLE IN PRIMARY REGION; -- renewed at each federated log-in
ALTER TABLE "federated_user" SET LOCALITY GLOBAL; -- read with every token: users, passwords, groups
ALTER TABLE "federation_protocol" SET LOCALITY GLOBAL; -- read at log-in: federation
ALTER TABLE "group" SET LOCALITY GLOBAL; -- read with every token: users, passwords, groups
ALTER TABLE "id_mapping" SET LOCALITY GLOBAL; -- read with every token: users, passwords, groups
ALTER TABLE "identity_provider" SET LOCALITY GLOBAL; -- read at log-in: federation
ALTER TABLE "idp_remote_ids" SET LOCALITY GLOBAL; -- read at log-in: federation
ALTER TABLE "implied_role" SET LOCALITY GLOBAL; -- read with every token: roles and grants
ALTER TABLE "limit" SET LOCALITY GLOBAL; -- read by services: limits
ALTER TABLE "local_user" SET LOCALITY GLOBAL; -- read with every token: users, passwords, groups
ALTER TABLE "mapping" SET LOCALITY GLOBAL; -- read at log-in: federation
ALTER TABLE "nonlocal_user" SET LOCALITY GLOBAL; -- read with every token: users, passwords, groups
ALTER TABLE "password" SET LOCALITY GLOBAL; -- read with every token: users, passwords, groups
ALTER TABLE "policy" SET LOCALITY GLOBAL; -- read with every token: the catalog
ALTER TABLE "policy_association" SET LOCALITY GLOBAL; -- read with every token: the catalog
ALTER TABLE "project" SET LOCALITY GLOBAL; -- read with every token: projects, domains and their options
ALTER TABLE "project_endpoint" SET LOCALITY GLOBAL; -- read with every token: the catalog
ALTER TABLE "project_endpoint_group" SET LOCALITY GLOBAL; -- read with every token: the catalog
ALTER TABLE "project_option" SET LOCALITY GLOBAL; -- read with every token: projects, domains and their options
ALTER TABLE "project_tag" SET LOCALITY GLOBAL; -- read with every token: projects, domains and their options
ALTER TABLE "region" SET LOCALITY GLOBAL; -- read with every token: the catalog
ALTER TABLE "registered_limit" SET LOCALITY GLOBAL; -- read by services: limits
ALTER TABLE "request_token" SET LOCALITY REGIONAL BY TABLE IN PRIMARY REGION; -- made and dropped as OAuth1 goes on
ALTER TABLE "revocation_event" SET LOCALITY GLOBAL; -- read with every token: is it revoked; a log-out is written more slowly
ALTER TABLE "role" SET LOCALITY GLOBAL; -- read with every token: roles and grants
ALTER TABLE "role_option" SET LOCALITY GLOBAL; -- read with every token: roles and grants
ALTER TABLE "sensitive_config" SET LOCALITY GLOBAL; -- read at start: configuration of domains
ALTER TABLE "service" SET LOCALITY GLOBAL; -- read with every token: the catalog
ALTER TABLE "service_provider" SET LOCALITY GLOBAL; -- read at log-in: federation
ALTER TABLE "system_assignment" SET LOCALITY GLOBAL; -- read with every token: roles and grants
ALTER TABLE "trust" SET LOCALITY REGIONAL BY TABLE IN PRIMARY REGION; -- its uses are counted down
ALTER TABLE "trust_role" SET LOCALITY REGIONAL BY TABLE IN PRIMARY REGION; -- its uses are counted down
ALTER TABLE "user" SET LOCALITY GLOBAL; -- read with every token: users, passwords, groups
ALTER TABLE "user_group_membership" SET LOCALITY GLOBAL; -- read with every token: users, passwords, groups
ALTER TABLE "user_option" SET LOCALITY GLOBAL; -- read with every token: users, passwords, groups
ALTER TABLE "viaduct_dirty" SET LOCALITY REGIONAL BY TABLE IN PRIMARY REGION; -- written with every change, read by one agent
ALTER TABLE "whitelisted_config" SET LOCALITY GLOBAL; -- read at start: configuration of domains
