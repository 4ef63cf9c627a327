/**
 * Start of the guest: the tables that it finds, and its CPUs and idle tasks.
 *
 * The domain builder leaves swapper_pg_dir in memory: a direct map of all guest frames (tables read-only), the
 * L3 tables of the other kernel regions, and a table for the vsyscall page. Once vCPU 0 runs on it, every further
 * edit is a hypercall.
 *
 * A native kernel finds the same tables, and none of them is read-only or pinned.
 *
 * Mirrors: xen_start_kernel() and xen_setup_kernel_pagetable(), arch/x86/xen/; preallocate_vmalloc_pages(),
 *          arch/x86/mm/init_64.c; cpu_initialize_context(), arch/x86/xen/smp_pv.c.
 * Differs: the tables are as after start_kernel(), not as the builder leaves them; what lies below the L3 tables
 *          of most of vmalloc, vmemmap, cpu_entry_area and the kernel image is not modelled. No 2 MiB pages, as on PV.
 */
import { errnoName } from "../abi/errno.js";
import { mfn } from "../abi/frames.js";
import {
  LINUX_DIRECT_MAP_SLOT,
  LINUX_KERNEL_IMAGE_SLOT,
  LINUX_VMALLOC_FIRST_SLOT,
  LINUX_VMALLOC_LAST_SLOT,
  LINUX_VMEMMAP_SLOT,
} from "../abi/layout.js";
import { add_mmuext_op, MMUEXT_PIN_L3_TABLE, MMUEXT_PIN_L4_TABLE, push_mmuext_op } from "../abi/mmuext-op.js";
import { LEVEL_PAGES } from "../abi/page.js";
import { push_vm_assist, VMASST_CMD_enable, VMASST_TYPE_writable_pagetables } from "../abi/vm-assist.js";
import type { Linux } from "./linux.js";
import { INIT_MM } from "./mm-struct.js";
import { pin_kernel_l3 } from "./pae/mmu-pae.js";
import { PG_pinned, PG_table } from "./struct-page.js";
import { NO_TASK } from "./task-struct.js";
import { BOOT_TABLES } from "./vmalloc.js";
import { _KERNPG_TABLE, _PAGE_TABLE, PAGE_KERNEL, PAGE_KERNEL_RO } from "./xen/prot.js";
import { cache_boot_stacks } from "./thread-stack.js";

/** Slots with an L3 table from boot on, besides the direct map and the kernel image. */
const CPU_ENTRY_AREA_SLOT = 508;
const ESPFIX_SLOT = 510;
/** Slots of the kernel image's L3 table: level2_kernel_pgt, level2_fixmap_pgt. */
const KERNEL_L3_SLOT = 510;
const FIXMAP_L3_SLOT = 511;

/**
 * Boot the guest: tables, then all vCPUs, each running its idle task.
 *
 * Errors: RangeError  Xen does not start a vCPU, as where an enforced audit finds its first L4 installed on another.
 */
export function boot(k: Linux): void {
  k.pages.init();
  k.vmas.init();
  k.mms.allocate_mm(); // row INIT_MM
  build_tables(k);
  k.hv.vcpu_initialise(0, k.mms.pgd[INIT_MM]!);
  start_cpu(k, 0, k.mms.pgd[INIT_MM]!);
  if (k.pae !== undefined) pin_kernel_l3(k, k.pae);
  else if (k.config.paravirt !== "native") pin_kernel_tables(k);
  cache_boot_stacks(k);
  for (let cpu = 0; cpu < k.config.nrCpus; cpu++) {
    if (k.top.cpu_up(k, 0, cpu) !== 0) throw new RangeError("boot: no tables for all CPUs; raise nrTables");
    if (cpu === 0) continue;
    const pgd = k.top.start_pgd(k, cpu);
    const rc = k.hv.vcpu_initialise(cpu, pgd);
    if (rc !== 0) {
      throw new RangeError(
        `boot: VCPUOP_initialise of vcpu ${cpu} answers -${errnoName(rc)}, where Linux has BUG(); observe the audit`,
      );
    }
    start_cpu(k, cpu, k.top.pgd_of(k, cpu, INIT_MM, NO_TASK));
  }
}

/** Write swapper_pg_dir and all below it. */
function build_tables(k: Linux): void {
  const { memory, mms, pages, image } = k;
  const { firstFrame, nrFrames } = k.config;
  const swapper = new_table(k);
  mms.pgd[INIT_MM] = swapper;
  mms.pinned[INIT_MM] = k.config.paravirt !== "native" ? 1 : 0;

  const level2_fixmap = new_table(k);
  const level3_kernel = new_table(k);
  memory.set(level2_fixmap, FIXMAP_L3_SLOT, new_table(k), _PAGE_TABLE);
  memory.set(level3_kernel, KERNEL_L3_SLOT, new_table(k), _KERNPG_TABLE);
  memory.set(level3_kernel, FIXMAP_L3_SLOT, level2_fixmap, _PAGE_TABLE);
  memory.set(swapper, LINUX_KERNEL_IMAGE_SLOT, level3_kernel, _PAGE_TABLE);
  image.level3_user_vsyscall[0] = new_table(k);
  memory.set(image.level3_user_vsyscall[0]!, FIXMAP_L3_SLOT, level2_fixmap, _PAGE_TABLE);
  for (const slot of preallocated_slots()) memory.set(swapper, slot, new_table(k), _KERNPG_TABLE);
  build_vmalloc_tables(k, memory.frame(swapper, LINUX_VMALLOC_FIRST_SLOT));

  k.pae?.alloc(k, INIT_MM);
  const l1_tables = build_direct_map_tables(k, swapper);
  k.pae?.map_kernel(k, l1_tables.slice(0, Math.ceil(k.config.nrTables / 512)), vmalloc_l1_tables(k));
  const lastTable = l1_tables[l1_tables.length - 1]!;
  const typed = k.config.paravirt !== "native";
  fill_direct_map(k, l1_tables, typed ? lastTable : -1);
  pages.flags.fill(typed ? PG_table | PG_pinned : PG_table, firstFrame, lastTable + 1);
  if (lastTable >= nrFrames)
    throw new RangeError(`boot: ${nrFrames} frames do not hold their own tables; raise nrFrames`);
  image.gdt[0] = pages.alloc_range(k.config.nrCpus);
  image.zero_page[0] = pages.alloc_range(1);
}

function preallocated_slots(): number[] {
  const slots = [LINUX_VMEMMAP_SLOT, CPU_ENTRY_AREA_SLOT, ESPFIX_SLOT];
  for (let slot = LINUX_VMALLOC_FIRST_SLOT; slot <= LINUX_VMALLOC_LAST_SLOT; slot++) slots.push(slot);
  return slots;
}

/** The tables that the kernel's first vmallocs have left below `l3`. */
function build_vmalloc_tables(k: Linux, l3: number): void {
  const l2 = new_table(k);
  k.memory.set(l3, 0, l2, _KERNPG_TABLE);
  for (let slot = 0; slot < BOOT_TABLES; slot++) k.memory.set(l2, slot, new_table(k), _KERNPG_TABLE);
}

/** The L1 tables that these are. */
function vmalloc_l1_tables({ memory, mms }: Linux): number[] {
  const l2 = memory.frame(memory.frame(mms.pgd[INIT_MM]!, LINUX_VMALLOC_FIRST_SLOT), 0);
  return Array.from({ length: BOOT_TABLES }, (_, slot) => memory.frame(l2, slot));
}

/** L3, L2 and L1 tables of the direct map; returns the L1 tables, of the frame that each begins at. */
function build_direct_map_tables(k: Linux, swapper: number): number[] {
  const { memory } = k;
  const { nrFrames } = k.config;
  const l1_tables: number[] = [];
  let l3 = 0;
  let l2 = 0;
  for (let pfn = 0; pfn < nrFrames; pfn += LEVEL_PAGES[2]) {
    if (pfn % LEVEL_PAGES[4] === 0) {
      l3 = new_table(k);
      memory.set(swapper, LINUX_DIRECT_MAP_SLOT + pfn / LEVEL_PAGES[4], l3, _KERNPG_TABLE);
    }
    if (pfn % LEVEL_PAGES[3] === 0) {
      l2 = new_table(k);
      memory.set(l3, (pfn / LEVEL_PAGES[3]) % 512, l2, _KERNPG_TABLE);
    }
    const l1 = new_table(k);
    memory.set(l2, (pfn / LEVEL_PAGES[2]) % 512, l1, _KERNPG_TABLE);
    l1_tables.push(l1);
  }
  return l1_tables;
}

/** Map the guest's frames: those up to `lastTable`, which are tables that Xen has typed, read-only. */
function fill_direct_map(k: Linux, l1_tables: readonly number[], lastTable: number): void {
  const { words } = k.memory;
  const { firstFrame, nrFrames } = k.config;
  for (const [index, l1] of l1_tables.entries()) {
    const first = index * 512;
    const last = Math.min(first + 512, nrFrames);
    for (let pfn = Math.max(first, firstFrame); pfn < last; pfn++) {
      const at = (l1 * 512 + pfn - first) * 2;
      words[at] = pfn;
      words[at + 1] = pfn <= lastTable ? PAGE_KERNEL_RO : PAGE_KERNEL;
    }
  }
}

function new_table(k: Linux): number {
  const table = k.pages.alloc_table();
  k.memory.clear_page(mfn(table));
  return table;
}

/** Tables that must stay typed while no CPU has them loaded; and stores to L1 tables are to be emulated. */
function pin_kernel_tables(k: Linux): void {
  const { direct } = k.mc[0]!;
  direct.reset();
  push_mmuext_op(direct);
  add_mmuext_op(direct, MMUEXT_PIN_L4_TABLE, k.mms.pgd[INIT_MM]!);
  k.hv.hypercall(0, direct, 0);
  direct.reset();
  push_mmuext_op(direct);
  add_mmuext_op(direct, MMUEXT_PIN_L3_TABLE, k.image.level3_user_vsyscall[0]!);
  k.hv.hypercall(0, direct, 0);
  direct.reset();
  push_vm_assist(direct, VMASST_CMD_enable, VMASST_TYPE_writable_pagetables);
  k.hv.hypercall(0, direct, 0);
}

/** `cpu` runs its idle task on `pgd`. */
function start_cpu(k: Linux, cpu: number, pgd: number): void {
  const { tasks, percpu } = k;
  const idle = tasks.alloc(0, 0); // the first rows: idle_task(cpu)
  tasks.active_mm[idle] = INIT_MM;
  k.mms.mm_count[INIT_MM]!++;
  tasks.on_cpu[idle] = cpu;
  tasks.last_cpu[idle] = cpu;
  percpu.online[cpu] = 1;
  percpu.set_current(cpu, idle);
  percpu.set_loaded_mm(cpu, INIT_MM);
  percpu.loaded_ctx[cpu] = k.mms.ctx_id[INIT_MM]!;
  percpu.loaded_gen[cpu] = k.mms.tlb_gen[INIT_MM]!;
  percpu.xen_cr3[cpu] = pgd;
  percpu.xen_current_cr3[cpu] = pgd;
}
