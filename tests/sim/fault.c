/* SPDX-License-Identifier: MIT */
/* Names of the faults, for the table at the end of a run. */
#include "fault.h"

#include <stddef.h>

#include "base/check.h"

const char *fault_name(enum fault f)
{
        switch (f) {
        case FAULT_LOSS_OUT: return "loss_out";
        case FAULT_LOSS_IN: return "loss_in";
        case FAULT_BURST: return "burst";
        case FAULT_DUPLICATE_OUT: return "duplicate_out";
        case FAULT_DUPLICATE_IN: return "duplicate_in";
        case FAULT_REORDER: return "reorder";
        case FAULT_RATE: return "rate";
        case FAULT_SPIKE: return "spike";
        case FAULT_PARTITION: return "partition";
        case FAULT_FLAP: return "flap";
        case FAULT_MTU: return "mtu";
        case FAULT_BLACK_HOLE: return "black_hole";
        case FAULT_OVERRUN: return "overrun";
        case FAULT_SLOW: return "slow";
        case FAULT_PARALLEL: return "parallel";
        case FAULT_RESTART: return "restart";
        case FAULT_DEATH: return "death";
        case FAULT_SWAP: return "swap";
        case FAULT_RESIZE: return "resize";
        case FAULT_ERROR_ATA: return "error_ata";
        case FAULT_ERROR_AOE: return "error_aoe";
        case FAULT_RESERVED: return "reserved";
        case FAULT_LYING: return "lying";
        case FAULT_FEW_BUFFERS: return "few_buffers";
        case FAULT_NO_ECHO: return "no_echo";
        case FAULT_FLUSH_STATUS: return "flush_status";
        case FAULT_FLUSH_ABORT: return "flush_abort";
        case FAULT_FLUSH_SILENT: return "flush_silent";
        case FAULT_TRIM_ABORT: return "trim_abort";
        case FAULT_JUNK_ADDRESS: return "junk_address";
        case FAULT_JUNK_MAC: return "junk_mac";
        case FAULT_JUNK_TAG: return "junk_tag";
        case FAULT_JUNK_COMMAND: return "junk_command";
        case FAULT_CORRUPT: return "corrupt";
        case FAULT_REFLECT: return "reflect";
        case FAULT_TRUNCATE: return "truncate";
        case FAULT_PADDED: return "padded";
        case FAULT_BEACON: return "beacon";
        case FAULT_STALL: return "stall";
        case FAULT_BACK_PRESSURE: return "back_pressure";
        case FAULT_CANCEL: return "cancel";
        case FAULT_FORGET: return "forget";
        case FAULT_ALIEN: return "alien";
        case FAULT_SLOW_READER: return "slow_reader";
        }
        CHECK(!"a fault");
        return NULL;
}
