import type { HealthPart } from "@wanhui/protocol";

export type HealthWords = {
  readonly title: string;
  readonly parts: Readonly<Record<HealthPart, string>>;
  /** What whoever sees it does now. */
  readonly todo: string;
};

/** What the red bar says in Chinese. */
export const healthZh: HealthWords = {
  title: "服务器有问题",
  parts: {
    engine: "有分片停止工作，归它管的奖池和轮次不再应答",
    materialiser: "入库已停止，订单和中奖记录不再更新",
    database: "数据库没有应答，新的操作暂时存不下来",
    beacon: "随机信标迟到，已封存的窗口还没有开奖",
    bus: "进程之间的消息中断：各进程照常服务自己的观众，归别的进程管的奖池和轮次要等它恢复",
  },
  todo: "请马上通知看管服务器的人。",
};

/** What the red bar says in English. */
export const healthEn: HealthWords = {
  title: "The server is not well",
  parts: {
    engine: "A shard has stopped: its pools and rounds answer no more",
    materialiser: "Nothing is carried to the tables any more: orders and awards stand still",
    database: "The database does not answer: nothing new can be stored",
    beacon: "The beacon is late: sealed windows are not drawn",
    bus: "Messages between the processes do not arrive: each goes on with its own viewers, pools and rounds of others wait",
  },
  todo: "Tell whoever looks after the server now.",
};
