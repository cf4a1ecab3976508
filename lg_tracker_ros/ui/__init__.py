"""The page in the browser: picture, curve, a box to draw. No ROS; needs aiohttp when it runs."""
