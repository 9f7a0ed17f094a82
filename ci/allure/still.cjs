// Loaded before Allure: one instant and counted ids, so that the same results give the same report.
"use strict";
const crypto = require("node:crypto");
const { syncBuiltinESMExports } = require("node:module");

const instant = Number(process.env.RAWRXD_INSTANT_MS);
const Clock = Date;
globalThis.Date = class Date extends Clock {
  constructor(...given) {
    super(...(given.length ? given : [instant]));
  }
  static now() {
    return instant;
  }
};

let count = 0;
crypto.randomUUID = () => `00000000-0000-4000-8000-${(++count).toString(16).padStart(12, "0")}`;
syncBuiltinESMExports();
