import { useDesk } from "./context.tsx";
import "./health-bar.css";

/** A red bar above everything while a part of the server is not well (JR13); nothing while all is. */
export function HealthBar() {
  const { view, words } = useDesk();
  const ill = view.health.parts.filter(({ ok }) => !ok);
  if (ill.length === 0) return null;
  return (
    <div className="health-bar" role="alert">
      <strong>{words.health.title}</strong>
      <ul>
        {ill.map(({ name, reason }) => (
          <li key={name}>
            {words.health.parts[name]}
            {reason !== null && <small lang="en"> ({reason})</small>}
          </li>
        ))}
      </ul>
      <p>{words.health.todo}</p>
    </div>
  );
}
