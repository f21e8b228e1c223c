/** What uname(2) and /proc/version say this is. */

/** The Linux whose interface this kernel follows: C libraries refuse to start on one they think too old. */
export const kernelRelease = "6.1.0-wherry";
export const kernelVersion = "#1 SMP Wherry";
/** USER_HZ: the unit of times in /proc and of times(2), a hundredth of a second. */
export const ticksPerSecond = 100;
