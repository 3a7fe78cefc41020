// Leaves out of the build what of uPlot no chart here uses: its own legend, dates on
// its axes, logarithmic scales, curved and stepped lines. Each cut must be found as
// often as it says, so that another version of uPlot fails the build, not a chart.
const cuts = [
  ['const showLegend = legend.show;', 'const showLegend = false;', 1],
  ['let isTime = sc.time;', 'const isTime = false;', 2],
  ['let isTime = mode == 1 && scales[s.scale].time;', 'const isTime = false;', 1],
  [/^const \[ time.*genTimeStuffs.*$/gm, '', 2],
  [/^\tconst _time(?:AxisSplits|AxisVals|SeriesVal) .*$/gm, '', 3],
  [/\b(?:w?sc\.)?distr (?:==|>=) (?:3|4|100)\b/g, 'false', 23],
  ['(paths.stepped = stepped);', '', 1],
  ['(paths.spline  = monotoneCubic);', '', 1],
  ['uPlot.join = join;', '', 1],
  ['uPlot.fmtDate = fmtDate;', '', 1],
  ['uPlot.tzDate  = tzDate;', '', 1],
  ['uPlot.rangeLog = rangeLog;', '', 1],
  ['uPlot.rangeAsinh = rangeAsinh;', '', 1],
];

export function uplotCut() {
  return {
    name: 'uplot-cut',
    apply: 'build',
    transform(code, id) {
      if (!/uplot\/dist\/uPlot\.esm\.js$/.test(id)) return null;
      for (const [what, instead, times] of cuts) {
        const found = code.split(what).length - 1;
        if (found !== times) throw new Error(`uplot.mjs: ${what} is ${found} times in uPlot, expected ${times}: look what has changed`);
        code = code.replaceAll(what, instead);
      }
      return { code, map: null };
    },
  };
}
