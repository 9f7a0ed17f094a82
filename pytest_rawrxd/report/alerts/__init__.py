"""What watches an engine after the sign-off, written from its profile: rules, their tests, routing, a dashboard."""
