// Small line drawings; all of them decoration beside words.

const PATHS = {
  live: "M12 3v3M12 18v3M4.2 7.5l2.6 1.5M17.2 15l2.6 1.5M4.2 16.5 6.800 15M17.2 9l2.600-1.500M12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6Z",
  prizes: "M4 11h16v9H4zM3 7h18v4H3zM12 7v13M12 7c-5 0-5-4-3-4s3 4 3 4 1-4 3-4 2 4-3 4Z",
  programme: "M5 5h14v15H5zM5 9.500h14M9 3v4M15 3v4M8.500 13h3M8.500 16h6",
  mine: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM4.500 20c.6-4 3.600-6 7.500-6s6.900 2 7.500 6",
  proofs: "M12 3 5 6v5c0 5 3 8 7 10 4-2 7-5 7-10V6l-7-3ZM9 12l2.200 2.200L15.200 10",
  settings:
    "M4 8h7M17 8h3M4 16h3M13 16h7M14 5.500a2.500 2.500 0 1 0 0 5 2.500 2.500 0 0 0 0-5ZM10 13.500a2.500 2.500 0 1 0 0 5 2.500 2.500 0 0 0 0-5Z",
  bell: "M6 16V11a6 6 0 1 1 12 0v5l1.500 2h-15L6 16ZM10 20.500h4",
  calendar: "M5 5h14v15H5zM5 9.500h14M9 3v4M15 3v4M12 12v5M9.500 14.500h5",
  check: "M5 12.500 10 17.500 19.500 7",
  star: "m12 3.500 2.600 5.400 5.900.8-4.300 4.100 1 5.900L12 16.900l-5.200 2.800 1-5.900L3.500 9.700l5.900-.8L12 3.500Z",
  copy: "M9 9h11v11H9zM15 9V4H4v11h5",
  down: "M12 4v11M7.500 11 12 15.500 16.500 11M5 20h14",
  close: "M6 6l12 12M18 6 6 18",
  clock: "M12 3.500a8.500 8.500 0 1 0 0 17 8.500 8.500 0 0 0 0-17ZM12 7.500V12l3 2",
  dash: "M6 12h12",
  voice: "M4 10v4h3.500L12 18V6L7.500 10H4ZM16 9a4 4 0 0 1 0 6M18.500 6.500a8 8 0 0 1 0 11",
} as const;

export type IconName = keyof typeof PATHS;

/** One icon, as large as the text beside it. */
export function Icon({ name, filled = false }: { readonly name: IconName; readonly filled?: boolean }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} fill={filled ? "currentColor" : "none"} />
    </svg>
  );
}
