/* SPDX-License-Identifier: GPL-2.0 */
/* Do not edit: made from docs/netlink/specs/xfrm_ha.yaml by docs/netlink/regen.sh */
#ifndef XFRM_HA_SPEC_GEN_H
#define XFRM_HA_SPEC_GEN_H

#include "spec.h"

extern const struct spec_enum spec_role;
extern const struct spec_enum spec_link_state;
extern const struct spec_enum spec_link_loss;
extern const struct spec_enum spec_role_reason;
extern const struct spec_enum spec_carrier_loss;
extern const struct spec_enum spec_replay_policy;
extern const struct spec_enum spec_peer_loss;
extern const struct spec_enum spec_alone;
extern const struct spec_enum spec_sa_state;
extern const struct spec_enum spec_sync;
extern const struct spec_enum spec_event;
extern const struct spec_enum spec_nic_state;
extern const struct spec_enum spec_cache_reason;

#endif
