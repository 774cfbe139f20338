import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Pulse } from "./pulse.ts";

const ping = vi.fn();
const dead = vi.fn();
const newPulse = () => new Pulse({ ping, dead });

beforeEach(() => {
  vi.clearAllMocks();
  vi.useFakeTimers();
});
afterEach(() => vi.useRealTimers());

test("[WR15] a doubted socket is asked at once and given up after 3 s without an answer", () => {
  const pulse = newPulse();
  pulse.doubt();
  expect(ping).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(2_999);
  expect(dead).toHaveBeenCalledTimes(0);
  vi.advanceTimersByTime(1);
  expect(dead).toHaveBeenCalledTimes(1);
  pulse.doubt();
  pulse.answered();
  vi.advanceTimersByTime(60_000);
  expect(dead).toHaveBeenCalledTimes(1);
});

test("[WR15] a tap nobody acknowledges makes the socket asked after 4 s, given up after 10 s", () => {
  const pulse = newPulse();
  pulse.expectAck();
  pulse.expectAck();
  vi.advanceTimersByTime(3_999);
  expect(ping).toHaveBeenCalledTimes(0);
  vi.advanceTimersByTime(1);
  expect(ping).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(5_999);
  expect(dead).toHaveBeenCalledTimes(0);
  vi.advanceTimersByTime(1);
  expect(dead).toHaveBeenCalledTimes(1);
});

test("[WR15] an acknowledgement, or the end of the socket, ends the waiting", () => {
  const pulse = newPulse();
  pulse.expectAck();
  pulse.acked();
  pulse.expectAck();
  pulse.stop();
  vi.advanceTimersByTime(60_000);
  expect(ping).not.toHaveBeenCalled();
  expect(dead).not.toHaveBeenCalled();
});

test("[WR15] a quiet socket is asked every 20 s and given up 10 s after an unanswered question", () => {
  const pulse = newPulse();
  pulse.begin(1);
  pulse.answered();
  vi.advanceTimersByTime(20_000);
  expect(ping).toHaveBeenCalledTimes(2);
  vi.advanceTimersByTime(10_000);
  expect(dead).toHaveBeenCalledTimes(1);
});
