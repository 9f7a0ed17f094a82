"""A run as one Allure 3 page: results from its verdicts, rendered by the pinned npm packages, then hardened."""
