// Draws with echarts, to SVG text: without a browser, and the same text for the same figures every time. Colours are
// for a white ground, which each drawing brings along, so that it is legible on a dark page too.
import * as echarts from 'echarts';
import { isOwn } from '../result.js';

const font = 'Helvetica, Arial, sans-serif';
const ink = '#24292f';
const faint = '#d0d7de';
// Own drivers stand out by colour, the parts of a bar by lightness.
const ownColors = ['#0b62b8', '#7fb8ec'];
const otherColors = ['#6e7781', '#c3c9d0'];
const worseEvenBetter = ['#d9741a', '#ffffff', '#3d8fd6'];

const titleHeight = 70;
const nameWidth = 190; // of a driver or row
const axisHeight = 56;
const headHeight = 84; // the drivers' names, aslant
const barHeight = 16;
const cellHeight = 24;

export interface BarChart {
  readonly title: string;
  readonly subtitle: string;
  /** With the unit. */
  readonly axis: string;
  readonly drivers: readonly string[];
  /** A bar of each driver, beside the others or, where stacked, behind them. `undefined`: not measured. */
  readonly series: readonly {
    readonly name: string;
    readonly values: readonly (number | undefined)[];
  }[];
  readonly isStacked: boolean;
  label(value: number): string;
}

export function drawBars(chart: BarChart): string {
  const { drivers, series, isStacked } = chart;
  const barsPerDriver = isStacked ? 1 : series.length;
  const height = titleHeight + axisHeight + drivers.length * (barsPerDriver * barHeight + 10);
  const hasLegend = series.length > 1;
  return render(820, height + (hasLegend ? 24 : 0), {
    ...titles(chart),
    ...(hasLegend && { legend: legend(series.map(({ name }) => name)) }),
    grid: {
      left: nameWidth,
      right: 90,
      top: titleHeight,
      bottom: axisHeight + (hasLegend ? 24 : 0),
    },
    xAxis: {
      type: 'value',
      ...axisName(chart.axis, 32),
      axisLabel: { color: ink, fontFamily: font, formatter: (value: number) => chart.label(value) },
      splitLine: { lineStyle: { color: faint } },
    },
    yAxis: categories(drivers, true),
    series: series.map(({ name, values }, index) => ({
      type: 'bar',
      name,
      ...(isStacked && { stack: 'all' }),
      color: otherColors[index % otherColors.length],
      barWidth: barHeight - 3,
      data: values.map((value, place) => ({
        value: value ?? '-',
        itemStyle: { color: colorOf(drivers[place] ?? '', index) },
      })),
      label: {
        show: !isStacked || index === series.length - 1,
        position: 'right',
        color: ink,
        fontFamily: font,
        fontSize: 11,
        formatter: ({ dataIndex }: { dataIndex: number }) => {
          const parts = isStacked ? series : [series[index]];
          const numbers = parts.map((part) => part?.values[dataIndex]);
          if (numbers.includes(undefined)) return '';
          return chart.label(numbers.reduce<number>((sum, value) => sum + (value ?? 0), 0));
        },
      },
    })),
  });
}

function colorOf(driver: string, index: number): string {
  const colors = isOwn(driver) ? ownColors : otherColors;
  return colors[index % colors.length] ?? ink;
}

export interface RatioGrid {
  readonly title: string;
  readonly subtitle: string;
  readonly rows: readonly string[];
  readonly drivers: readonly string[];
  /** By row, then by driver. */
  readonly ratios: readonly (readonly (number | undefined)[])[];
  readonly higherIsBetter: boolean;
}

/** A cell for each row and driver: the number, on a ground that says how much better or worse that is than 1. */
export function drawRatioGrid(grid: RatioGrid): string {
  const cells = grid.ratios.flatMap((row, y) =>
    row.flatMap((ratio, x) => {
      if (ratio === undefined) return [];
      const score = Math.log2(ratio) * (grid.higherIsBetter ? 1 : -1);
      return [{ value: [x, y, score], name: ratio.toFixed(ratio < 0.1 ? 3 : 2) }];
    }),
  );
  const width = nameWidth + grid.drivers.length * 76 + 20;
  return render(
    Math.max(width, 700),
    titleHeight + headHeight + 10 + grid.rows.length * cellHeight,
    {
      ...titles(grid),
      grid: { left: nameWidth, right: 20, top: titleHeight + headHeight, bottom: 10 },
      xAxis: {
        ...categories(grid.drivers, false),
        position: 'top',
        axisLabel: { color: ink, fontFamily: font, fontSize: 11, interval: 0, rotate: 35 },
      },
      yAxis: categories(grid.rows, true),
      visualMap: {
        show: false,
        min: -1.5,
        max: 1.5,
        dimension: 2,
        inRange: { color: worseEvenBetter },
      },
      series: [
        {
          type: 'heatmap',
          data: cells,
          itemStyle: { borderColor: '#ffffff', borderWidth: 1 },
          label: {
            show: true,
            color: ink,
            fontFamily: font,
            fontSize: 11,
            formatter: ({ name }: { name: string }) => name,
          },
        },
      ],
    },
  );
}

function titles({ title, subtitle }: { readonly title: string; readonly subtitle: string }) {
  return {
    title: {
      text: title,
      subtext: subtitle,
      left: 10,
      top: 8,
      itemGap: 6,
      textStyle: { color: ink, fontFamily: font, fontSize: 15 },
      subtextStyle: { color: ink, fontFamily: font, fontSize: 11, lineHeight: 15 },
    },
  };
}

function legend(names: readonly string[]) {
  const textStyle = { color: ink, fontFamily: font };
  return { data: [...names], bottom: 6, itemWidth: 14, itemHeight: 10, itemGap: 28, textStyle };
}

function axisName(name: string, gap: number) {
  const nameTextStyle = { color: ink, fontFamily: font };
  return { name, nameLocation: 'middle', nameGap: gap, nameTextStyle } as const;
}

function categories(names: readonly string[], isInverse: boolean) {
  return {
    type: 'category' as const,
    data: [...names],
    inverse: isInverse,
    axisLabel: { color: ink, fontFamily: font, fontSize: 11, interval: 0 },
    axisTick: { show: false },
    axisLine: { lineStyle: { color: faint } },
  };
}

function render(width: number, height: number, option: echarts.EChartsOption): string {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width, height });
  try {
    chart.setOption({ ...option, backgroundColor: '#ffffff', animation: false });
    // Styles for a pointer above something, under names that echarts numbers through all drawings of a process: an
    // image on a page has no use for them, and they would differ from run to run.
    const text = chart
      .renderToSVGString()
      .replace(/<style[\s\S]*?<\/style>\n?|\bclass="[^"]*"/g, '');
    return `${text
      .replace(/ +(?=\/?>)/g, '')
      .replace(/ pointer-events="\w+"/g, '')
      .trim()}\n`;
  } finally {
    chart.dispose();
  }
}
