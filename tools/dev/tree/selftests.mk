# SPDX-License-Identifier: GPL-2.0

CFLAGS += -std=gnu11 -Wall -Wextra -O2 -g $(KHDR_INCLUDES)

TEST_GEN_MODS_DIR := modules
TEST_GEN_FILES := \
	esp-replay \
	frame-play \
	offload-packet \
	udp-flood \
	wire-oracle \
# end of TEST_GEN_FILES

TEST_FILES := lib
