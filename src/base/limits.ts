/** Every bound in Wherry, with its unit in the name and its reason beside it. */
export const limits = {
  /** A page of guest memory and of the page cache: the architecture's page size. */
  pageBytes: 4096,
  /** Linux's PATH_MAX, NUL included. */
  pathBytesMax: 4096,
  /** Linux's NAME_MAX. */
  nameBytesMax: 255,
  /** Linux follows at most 40 symbolic links in one path walk. */
  symlinksFollowedMax: 40,
  /** Clean pages of image files kept in one container's memory; more only cost eviction sooner. */
  pageCacheBytesMax: 256 << 20,
  /** What is read at once from a layer: a get from IndexedDB costs the same up to about this size. */
  packPieceBytes: 128 << 10,
  /** Of files up to this size, so many pieces at most are read ahead at a page that has to be waited for. */
  readAheadFileBytesMax: 8 << 20,
  readAheadPiecesMax: 16,
  /** Raw pieces of layers kept beside the page cache: enough for the small files that lie around those in use. */
  pieceCacheBytesMax: 16 << 20,
  /** Files of one writable layer: each costs a few hundred bytes of memory. */
  upperInodesMax: 1_000_000,
  /** How long a change in a writable layer may wait before it is made durable without fsync: as long as a blink. */
  journalCommitMs: 1000,
  /** Most of one journal record: larger ones are slow to store and to read back. */
  journalRecordBytesMax: 4 << 20,
  /** A journal is rewritten when it holds this much more than twice what is live. */
  journalSlackBytes: 16 << 20,
  /** Linux's XATTR_SIZE_MAX. */
  xattrBytesMax: 65536,
  /** Linux's default pipe capacity. */
  pipeBytesMax: 65536,
  /** Watches of one inotify descriptor, and events that wait to be read: Linux's defaults. */
  inotifyWatchesMax: 65536,
  inotifyEventsMax: 16384,
  /** Buffers of one readv or writev: Linux's UIO_MAXIOV. */
  ioVectorsMax: 1024,
  /** Bytes a terminal holds in each direction before its writers wait: a screenful many times over. */
  terminalBytesMax: 65536,
  /** Pty pairs of one container: Linux's default is 4096 for the machine. */
  ptysMax: 1024,
  /** Largest pipe F_SETPIPE_SZ gives: Linux's default /proc/sys/fs/pipe-max-size. */
  pipeBytesCeiling: 1 << 20,
  /** The same for root, who has no limit in Linux but the memory. */
  pipeBytesPrivileged: 64 << 20,
  /** Bytes a stream socket holds in one direction: Linux's default wmem (net.core.wmem_default). */
  socketBytesMax: 212992,
  /** Connections that wait for accept(2): Linux's net.core.somaxconn. */
  socketBacklogMax: 4096,
  /** Descriptors in one SCM_RIGHTS message: Linux's SCM_MAX_FD. */
  rightsMax: 253,
  /** Open files of one process: Linux's usual hard limit. */
  openFilesMax: 4096,
  /** Processes and threads of one container: docker's usual default is unlimited; ours keeps the worker alive. */
  tasksMax: 4096,
  /** Guest RAM of one container unless the user says otherwise (1 GiB). */
  memoryBytesDefault: 1 << 30,
  /** What a processor in reserve has from the start: growing detaches every view, and untouched memory costs nothing. */
  memoryBytesPrepared: 32 << 20,
  /** Most a wasm32 memory can give. */
  memoryBytesMax: 4 * (1 << 30) - 65536,
  /** A manifest, index or config larger than this is refused: the distribution spec's recommended 4 MiB. */
  manifestBytesMax: 4 << 20,
  /** Entries of one layer archive: far over real images (a Debian with desktop has 250,000). */
  archiveEntriesMax: 2_000_000,
  /** Layers of one image: docker's own limit is 127. */
  layersMax: 127,
  /** Unpacked bytes of one image: past this a load is refused as a decompression bomb unless the user raises it. */
  imageBytesMax: 32 * 1024 ** 3,
  /** Ratio of unpacked to packed bytes that no real layer reaches. (Deflate cannot go past 1032.) */
  expansionRatioMax: 1000,
  /** The ratio is checked only past so many unpacked bytes: a small layer of zeros hurts nobody. */
  expansionCheckedBytes: 100 << 20,
  /** One IndexedDB record of a pack: writing is as fast as with larger ones, and a cold read of one is quicker. */
  packRecordBytes: 256 * 1024,
  /** Records of one pack on their way to IndexedDB at a time (2 MiB): enough to keep the disk busy. */
  packRecordsUnderWayMax: 8,
  /** Records a worker keeps of the packs it reads, beside the page cache. */
  packCacheBytes: 8 << 20,
  /** A pack's writer that gave no sign of life for so long is dead, and what it wrote is removed. */
  packLeaseMs: 120_000,
  /** Waited for another process that applies a transaction, which takes milliseconds. */
  storeLockMs: 20_000,
  /** What can be made again and is kept to save time (translations of hot code): some thirty programs' worth. */
  cacheBytesMax: 64 << 20,
  /** One entry of it. */
  cacheEntryBytesMax: 8 << 20,
  /** Its label: all labels are read at once. */
  cacheLabelBytesMax: 32 << 10,
  /** The time of last use is noted this coarsely, because each note is a write. */
  cacheUseMs: 3_600_000,
  /** Window a zstd frame may ask for (128 MiB): the reference decoder's default. */
  zstdWindowBytesMax: 128 << 20,
  /** RFC 8878, 3.1.1.2: no block is larger. */
  zstdBlockBytesMax: 128 * 1024,
  /** Extended header of one tar entry: names, xattrs and sparse maps fit many times over. */
  tarHeaderBytesMax: 1 << 20,
  /** All manifests, configs and other JSON of one archive, which are held until the archive is read. */
  archiveJsonBytesMax: 64 << 20,
  /** Writing a loaded image into the store takes seconds; what is left of a load that died is removed after this. */
  loadPinMs: 600_000,
  /** Least time between two progress reports of one layer. */
  progressIntervalMs: 50,
  /** Log kept of one container's output. */
  logBytesMax: 16 << 20,
  /** How far the writer of a stream between workers may be ahead of its reader: enough to keep both busy. */
  portWindowBytes: 256 * 1024,
  /** A download is handed to the browser in pieces of this size: few of them, and little memory here. */
  spoolPieceBytes: 4 << 20,
  /** Output a terminal may hold that it has not drawn yet: more would only delay Ctrl-C. */
  terminalAheadBytes: 128 * 1024,
  /** The end of a log that the page's log view shows; the rest would slow the browser down. */
  logCharactersShownMax: 500_000,
  /** A readable share link longer than this is compressed: chat programs cut addresses near 2,000 characters. */
  shareReadableCharactersMax: 1500,
  /** What a compressed share link may unpack to: far over any command line somebody means to share. */
  shareCharactersMax: 1 << 20,
  /**
   * After a container has started, before a worker for the next one is: its code takes half a second of a processor to
   * load, and most programs are done or waiting by then.
   */
  spareWorkerDelayMs: 3000,
  /** Workers kept in reserve: runs that follow back to back find one each time; more would only hold memory. */
  spareWorkersMax: 2,
  /** A worker whose container had more memory than this is not used again: when the browser frees it is not certain. */
  spareWorkerMemoryBytesMax: 256 << 20,
  /** Between two workers of the reserve: about what one takes to load its code. */
  spareWorkerGapMs: 1000,
  /** Of a processor made ahead, so much memory for decoded code and for the guest is touched: bash needs as much. */
  arenaBytesTouched: 4 << 20,
  frameBytesTouched: 8 << 20,
  /** 0.1 ms on most machines, 2 where a host's page is dear. */
  pagesTouchedAtOnce: 128,
  /** That begins when a worker has waited so long: its last container may leave something to do. */
  touchAfterMs: 100,
  /** A worker has waited so long before it begins to rehearse: a page's first container should not have to share. */
  rehearsalAfterMs: 1500,
  /** Between two pieces of a rehearsal, of some 3 ms: it takes a quarter of one processor at most. */
  rehearsalPauseMs: 8,
  /** Containers a worker rehearses: after so many the host's compiler has seen enough. Each takes 20 to 100 ms. */
  rehearsedContainers: 6,
  rehearsedContainerPauseMs: 200,
  /** Pages of layers kept of a program's start: more than python or perl read before they are up. */
  startProfileBytesMax: 7 << 20,
  /** Pieces of layers kept until a program's start is over, because their pages are to be kept. Of others, copies are. */
  startProfileHeldBytesMax: 24 << 20,
  /** What a program reads later than this is not its start. */
  startProfileMs: 5000,
  /** How long a container's worker may take to hear of a signal: one in a busy WASI program never does. */
  signalAnswerMs: 2000,
  /** How long a container that ends may still take to deliver its output and write its files. */
  containerFlushMs: 3000,
  /** A WASI program's file; browsers refuse modules over 1 GiB, and compiling holds it twice. */
  wasmModuleBytesMax: 256 << 20,
  /** Input read ahead for a WASI program where it cannot wait for it. */
  wasiInputBytesMax: 64 << 20,
  /** Entries of the software TLB: with 1024, two of a program's hottest pages fell on one entry in every third run. */
  tlbEntries: 4096,
  /** Entries of the cache from guest addresses to decoded blocks: covers the live branch targets of large programs. */
  jumpCacheEntries: 8192,
  /** Compiled regions of one container that are live at a time; the least useful go when there are more. */
  regionsMax: 8192,
  /** Size of a compiled region: the browser's optimising compiler is superlinear in it. */
  regionBlocksMax: 256,
  regionInstructionsMax: 600,
  regionBlockInstructionsMax: 256,
  /** Pages a region may lie on: each is looked up when it is entered in another process. */
  regionPagesMax: 32,
  /** Bytes that accesses sharing one TLB check may span: wider ranges straddle pages more often. */
  sharedCheckBytesMax: 512,
  /** Instructions of a region, besides those, that another one has as well: short functions that many call. */
  regionRepeatedMax: 300,
  /** Regions compiled to one module. */
  regionsPerModuleMax: 64,
  /** Targets remembered of one computed jump: past this it is no longer a matter of comparing. */
  regionTargetsMax: 128,
  /** Blocks and jumps whose heat is counted at a time; then counting begins anew. */
  hotCandidatesMax: 65536,
  /** Address spaces of which it is known where control goes: the processes of a pipeline. */
  profilesMax: 8,
  /** Compiled code written together: enough for all that one program has hot. */
  translationPackBytesMax: 4 << 20,
  translationPackEntriesMax: 8000,
  /** Bodies of functions in the modules a worker keeps for its next container: python's are 200 kB. */
  regionModulesBytesMax: 2 << 20,
  /** Packs of them that it knows by heart. */
  regionPacksMax: 8,
  /** A translation that was not used while its pack was written so often is left out. */
  translationAgeMax: 16,
  /** Packs of the same program that are read before it starts; others are read when code of theirs is met. */
  translationPacksAheadMax: 2,
  /** Translations of one entry that are kept: the ways a program comes to a place differ between runs. */
  translationVariantsMax: 3,
  /** How often stored regions are put at one place: each time they turned out not to be usable there. */
  translationOffersMax: 32,
  /** While a container runs, new translations are written this often. */
  translationKeepMs: 10_000,
  /** A frame whose code has changed so often is interpreted from then on. */
  codeChangesMax: 16,
  /** Predecoded records of one container (32 bytes an instruction): when full, everything is decoded anew. */
  codeArenaBytes: 24 << 20,
  /** Instructions of one decoded block: bounds the work thrown away when one is left early. */
  blockInstructionsMax: 64,

  /** Single calls and faults are timed for so long after somebody asked where time goes: watchers ask every second. */
  profileWatchMs: 5000,
  /** Between two readings of `stats`: docker's second. */
  statsIntervalMs: 1000,
  /** System calls named in a profile: the ten that took longest, as strace -c and perf show them first. */
  profileSyscallsShown: 10,
} as const;
