/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * ConfigFields: the keys of sosync.yaml, as data
 *
 * Reader, `config show`, `config help` and sosync.yaml(5) are all made from these tables. A room with
 * settings of its own keeps its table beside its code (listener/ldap-config.h, engine/target/graph.h); here
 * they are put together.
 */

#include "base/config.h"

/* The whole file, filled into a Config (app/config/config.h). */
extern const ConfigField config_fields[];

/* Sections of it that are compared: AuditConfig, ScopeConfig, StateConfig, ReportsConfig. */
extern const ConfigField audit_fields[];
extern const ConfigField control_fields[];
extern const ConfigField scope_fields[];
extern const ConfigField state_fields[];
extern const ConfigField reports_fields[];
