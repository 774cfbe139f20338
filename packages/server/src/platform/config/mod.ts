export {
  configFlags,
  describeSettings,
  type FlagValues,
  findListenPort,
  loadConfig,
  type SettingRow,
} from "./config.ts";
export type { Config } from "./settings.ts";
