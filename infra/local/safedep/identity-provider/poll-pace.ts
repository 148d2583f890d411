/** RFC 8628, 3.5: each `slow_down` makes the distance of polls longer by so much. */
const SLOW_DOWN_SECONDS = 5;

/** Devices that are remembered. Ours: more wait at once nowhere. */
const DEVICES_MAX = 10_000;

/** How often each device may ask whether somebody confirmed its code. */
export class PollPace {
  readonly #devices = new Map<string, { intervalMs: number; polledAtMs: number }>();

  /**
   * Notes a poll of a code that nobody confirmed yet.
   *
   * @returns whether it came too early; the device must then wait 5 s longer between polls.
   */
  isTooFast(deviceCode: string, intervalSeconds: number, nowMs: number): boolean {
    const device = this.#devices.get(deviceCode);
    if (device === undefined) {
      if (this.#devices.size >= DEVICES_MAX) this.#devices.clear();
      this.#devices.set(deviceCode, { intervalMs: intervalSeconds * 1000, polledAtMs: nowMs });
      return false;
    }
    const tooFast = nowMs - device.polledAtMs < device.intervalMs;
    device.polledAtMs = nowMs;
    if (tooFast) device.intervalMs += SLOW_DOWN_SECONDS * 1000;
    return tooFast;
  }
}
